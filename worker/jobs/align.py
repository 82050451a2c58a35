"""The align job: two dictionaries and their activations of one collection become an alignment."""

from collections.abc import Callable, Sequence
from typing import Any

from store.alignment.schema import FILE
from store.alignment.sides import Side
from store.alignment.writer import AlignmentWriter
from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.specs import AlignmentSpec
from store.vocabulary import Kind, Split
from worker.alignment.gathering import Gathering, gather
from worker.alignment.sides import Aligned
from worker.alignment.tables import Gathered, summary, write_tables
from worker.jobs.requests import alignment_inputs

Progress = Callable[[int, int, str], None]


def align(
    spec: AlignmentSpec, sides: Sequence[Aligned], collection: Collection, artifacts: Artifacts, on_progress: Progress
) -> Artifact:
    """Build the alignment, or find it when it has been built; nothing is visible before it is whole."""
    a, b = sorted(sides, key=lambda side: side.artifact.digest)
    inputs = alignment_inputs(a.artifact, b.artifact)
    found = artifacts.find(Kind.ALIGNMENT, spec, inputs=inputs)
    if found is not None:
        return found
    with artifacts.draft(Kind.ALIGNMENT, spec, inputs=inputs) as draft:
        if draft.found is not None:
            return draft.found
        draft.clear()
        gathering, gathered = gather(spec, {Side.A: a, Side.B: b}, collection, on_progress=on_progress)
        with AlignmentWriter(draft.path / FILE) as writer:
            writer.write_meta(_facts(gathering, gathered, collection))
            write_tables(writer, gathered, collection)
            draft.contents[FILE] = writer.content_sha256
        return artifacts.publish(draft)


def _facts(gathering: Gathering, gathered: Gathered, collection: Collection) -> dict[str, Any]:
    grid, tally = gathering.grid, gathering.tally
    return {
        **{side.value: one.facts.as_json() for side, one in gathering.sides.items()},
        "collection": {
            "slug": collection.spec["slug"],
            "title": collection.spec["title"],
            "digest": collection.digest,
            "n_images": len(collection.images),
        },
        "grid": {"rows": grid.rows, "cols": grid.cols},
        "n_images": {split.value: len(collection.split_images(split)) for split in Split},
        "n_tokens": tally.learned.n_tokens + tally.held_out.n_tokens,
        "spec": gathered.spec.as_json(),
        "null": {"what": "images of side b permuted", "n_parts": tally.n_parts},
        "summary": summary(gathered),
    }
