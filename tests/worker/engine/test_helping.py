"""What an idle worker helps with: the extraction that the job is at."""

from pathlib import Path

from store.jobs import ExtractJob, IndexJob
from store.settings import Settings
from tests.working import Inputs
from worker.engine.helping import find_reading
from worker.reporting import Reporter
from worker.workshop import Workshop


def test_the_first_extraction_without_a_result_is_helped_with(settings: Settings, inputs: Inputs) -> None:
    workshop = Workshop(settings, Reporter(), device="cpu")
    ingest, job = inputs.ingest(), inputs.universal()
    workshop.ingest(ingest.folder, ingest.collection)
    for stream in job.streams:
        reading = find_reading(job, workshop)
        assert reading == ("drawn", stream, inputs.weights)
        assert not workshop.is_extracted("drawn", stream)
        workshop.extract("drawn", stream, weights=Path(inputs.weights))
    assert find_reading(job, workshop) is None
    assert find_reading(IndexJob(dictionary="joint"), workshop) is None
    other = inputs.extraction().model_copy(update={"images_per_shard": 5})
    found = find_reading(ExtractJob(collection="drawn", extraction=other), workshop)
    assert found == ("drawn", other, None)
