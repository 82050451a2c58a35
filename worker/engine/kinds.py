"""What each kind of job does, as steps over the workshop; a step that was done is not done again."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable

from store.jobs import AlignJob, AnyJob, ExtractJob, IndexJob, IngestJob, TrainJob, UniversalJob
from store.specs import ExtractionSpec
from store.vocabulary import Kind
from worker.workshop import Built, Wanted, WantedUniversal, Workshop

Made = dict[str, Any]
"""Kind and digest of an artifact, whether it was there before, and its slug where it has one."""
T = TypeVar("T")


@runtime_checkable
class Step(Protocol):
    """Does a named part of the work once; after an interruption its value is remembered."""

    def __call__(self, name: str, do: Callable[[], T]) -> T:
        """The value of ``do``, which JSON can say."""


def carry_out(job: AnyJob, workshop: Workshop, step: Step) -> list[Made]:
    """Do a job; returns what was made: kind, digest, and slug where it has one."""
    match job:
        case IngestJob():
            return _ingest(job, workshop, step)
        case ExtractJob():
            return _extract(job, workshop, step)
        case TrainJob():
            return _train(job, workshop, step)
        case UniversalJob():
            return _universal(job, workshop, step)
        case IndexJob():
            return _index(job, workshop, step)
        case AlignJob():
            return _align(job, workshop, step)
        case _:
            raise AssertionError(f"{job.kind} jobs compute nothing themselves")


def _ingest(job: IngestJob, workshop: Workshop, step: Step) -> list[Made]:
    slug = job.collection.slug
    return step("collection", lambda: [_made(workshop.ingest(job.folder, job.collection), slug=slug)])


def _extract(job: ExtractJob, workshop: Workshop, step: Step) -> list[Made]:
    return step("activations", lambda: [_made(workshop.extract(job.collection, job.extraction, weights=job.weights))])


def _train(job: TrainJob, workshop: Workshop, step: Step) -> list[Made]:
    made = step("activations", lambda: [_made(workshop.extract(job.collection, job.extraction, weights=job.weights))])
    wanted = [Wanted(one.slug, one.title, one.spec) for one in job.dictionaries]

    def learn() -> list[Made]:
        activations = workshop.artifacts.get(Kind.ACTIVATIONS, made[0]["digest"])
        built = workshop.train(wanted, activations=activations, weights=job.weights)
        return [_made(one, slug=want.slug) for one, want in zip(built, wanted, strict=True)]

    return [*made, *step("dictionaries", learn)]


def _universal(job: UniversalJob, workshop: Workshop, step: Step) -> list[Made]:
    def read(stream: ExtractionSpec) -> list[Made]:
        return [_made(workshop.extract(job.collection, stream, weights=job.weights.get(stream.model)))]

    streams: list[Made] = []
    for number, stream in enumerate(job.streams, 1):
        streams += step(f"activations {number}", partial(read, stream))

    def learn() -> list[Made]:
        activations = [workshop.artifacts.get(Kind.ACTIVATIONS, made["digest"]) for made in streams]
        wanted = WantedUniversal(job.slug, job.title, job.spec)
        return [_made(workshop.universal(wanted, streams=activations, weights=[*job.weights.values()]), slug=job.slug)]

    return [*streams, *step("universal", learn)]


def _index(job: IndexJob, workshop: Workshop, step: Step) -> list[Made]:
    def gather() -> list[Made]:
        return [_made(workshop.atlas(job.dictionary, job.atlas, weights=job.weights), slug=job.dictionary)]

    return step("atlas", gather)


def _align(job: AlignJob, workshop: Workshop, step: Step) -> list[Made]:
    return step("alignment", lambda: [_made(workshop.align(job.first, job.second, job.alignment, weights=job.weights))])


def _made(built: Built, **more: Any) -> Made:
    return {"kind": built.artifact.kind.value, "digest": built.artifact.digest, "reused": built.reused, **more}
