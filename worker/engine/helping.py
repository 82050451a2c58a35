"""Idle workers help with extractions that others run: they make shards until they get a job of their own."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from store.artifacts import open_artifacts
from store.catalog.parts import find_open_job, release_parts
from store.catalog.session import Catalog
from store.errors import ConceptoscopeError, Unavailable
from store.jobs import AnyJob, ExtractJob, TrainJob, UniversalJob, load_job
from store.settings import Settings
from store.specs import ExtractionSpec
from worker.engine.parts import JobParts
from worker.engine.running import Runner
from worker.reporting import Reporter
from worker.workshop import Workshop

LOOK_EVERY_S: Final = 0.5
log = logging.getLogger(__name__)


class _WhileIdle(JobParts):
    """The same for a helper, who stops taking when it has something else to do or the job reads another model."""

    def __init__(
        self, catalog: Catalog, job_id: int, *, runner: Runner, is_made: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(catalog, job_id, worker_session=runner.session)
        self._runner, self._is_made = runner, is_made

    def take(self) -> int | None:
        """One that is free, while the worker has no job of its own."""
        if self._runner.leaving.is_set() or self._runner.is_busy or self._is_made():
            return None
        return super().take()


class Helper(threading.Thread):
    """Looks for extractions to help with whenever the worker has no job."""

    def __init__(self, settings: Settings, catalog: Catalog, runner: Runner) -> None:
        super().__init__(name="helper", daemon=True)
        self._settings, self._catalog, self._runner = settings, catalog, runner

    def run(self) -> None:
        """Until the worker leaves."""
        _get_ready()
        while not self._runner.leaving.wait(LOOK_EVERY_S):
            if self._runner.is_busy:
                continue
            try:
                self.help_once()
            except Unavailable as fault:
                log.warning("nobody can be helped: %s", fault)
            except ConceptoscopeError as fault:
                log.warning("could not help: %s", fault)
            except Exception:
                log.exception("could not help")

    def help_once(self) -> int:
        """Help with the oldest extraction that has shards to make; returns how many were made here."""
        with self._catalog.session() as session:
            release_parts(session, worker_session=self._runner.session)
            row = find_open_job(session, worker_session=self._runner.session)
        if row is None:
            return 0
        job = load_job(row.spec)
        workshop = Workshop(
            self._settings,
            Reporter(),
            device=self._runner.device,
            artifacts=open_artifacts(self._settings),
            catalog=self._catalog,
        )
        reading = find_reading(job, workshop)
        if reading is None:
            return 0
        is_made = partial(workshop.is_extracted, reading.collection, reading.extraction)
        parts = _WhileIdle(self._catalog, row.id, runner=self._runner, is_made=is_made)
        made = workshop.help_extract(reading.collection, reading.extraction, parts, weights=reading.weights)
        log.info("made %d shards of job %d (%s)", made, row.id, row.title)
        return made


class Reading(NamedTuple):
    """An extraction of a job."""

    collection: str
    extraction: ExtractionSpec
    weights: Path | None


def find_reading(job: AnyJob, workshop: Workshop) -> Reading | None:
    """What a job reads now: the first of its extractions that has no result yet; None for jobs that read nothing."""
    match job:
        case ExtractJob() | TrainJob():
            readings = [Reading(job.collection, job.extraction, job.weights)]
        case UniversalJob():
            readings = [Reading(job.collection, one, job.weights.get(one.model)) for one in job.streams]
        case _:
            readings = []
    return next((one for one in readings if not workshop.is_extracted(one.collection, one.extraction)), None)


def _get_ready() -> None:
    """Import what extraction needs: seconds that would otherwise pass after somebody has asked for something."""
    import worker.extraction
    import worker.models.timm_family
    import worker.sharing  # noqa: F401 for its effect alone
