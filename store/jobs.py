"""What jobs are: closed, frozen requests that the web program and the command line write down and workers carry out."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from store.methods import DictionarySpec
from store.specs import AlignmentSpec, AtlasSpec, CollectionSpec, ExtractionSpec, Spec
from store.streams import find_fault, stream_name
from store.universal import MAX_STREAMS, MIN_STREAMS, UniversalSpec
from store.vocabulary import JobKind, Queue

T = TypeVar("T")
_ONE_AT_LEAST: Final[dict[str, Any]] = {"minItems": 1}
_TWO_TO_FIVE: Final[dict[str, Any]] = {"minItems": MIN_STREAMS, "maxItems": MAX_STREAMS}
_SLUG = r"^[a-z0-9][a-z0-9-]{0,119}$"


def _some(value: tuple[T, ...]) -> tuple[T, ...]:
    """By hand, as pydantic's own bound also complains of every list in which one member is bad."""
    if not value:
        raise ValueError("at least one is needed")
    return value


def _joinable(streams: tuple[ExtractionSpec, ...]) -> tuple[ExtractionSpec, ...]:
    fault = find_fault([stream_name(stream) for stream in streams])
    if fault:
        raise ValueError(fault)
    return streams


class JobSpec(Spec):
    """What all jobs share."""

    rebuild: bool = Field(False, description="check what is there, and build damaged artifacts again")


class IngestJob(JobSpec):
    """A folder of photos becomes a collection."""

    kind: Literal[JobKind.INGEST] = JobKind.INGEST
    folder: Path = Field(description="folder of photos, as the worker sees it")
    collection: CollectionSpec

    @property
    def title(self) -> str:
        """What a person reads in a list of jobs."""
        return f"Ingest {self.collection.slug}"


class ExtractJob(JobSpec):
    """A model reads a collection at one layer; free workers share the shards."""

    kind: Literal[JobKind.EXTRACT] = JobKind.EXTRACT
    collection: str = Field(description="slug of the collection")
    extraction: ExtractionSpec
    weights: Path | None = Field(None, description="weights file, as the worker sees it")

    @property
    def title(self) -> str:
        """What a person reads in a list of jobs."""
        return f"Extract {self.extraction.model} {self.extraction.layer} on {self.collection}"


class NamedDictionary(Spec):
    """A dictionary to learn, and what it will be called."""

    slug: str = Field(pattern=_SLUG, description="name in addresses")
    title: str = Field(min_length=1, max_length=200, description="name for people")
    spec: DictionarySpec


class TrainJob(JobSpec):
    """Dictionaries are learned from a collection; activations are extracted when they are missing."""

    kind: Literal[JobKind.TRAIN] = JobKind.TRAIN
    collection: str = Field(description="slug of the collection")
    extraction: ExtractionSpec
    weights: Path | None = Field(None, description="weights file, as the worker sees it")
    dictionaries: Annotated[tuple[NamedDictionary, ...], AfterValidator(_some), Field(json_schema_extra=_ONE_AT_LEAST)]

    @property
    def title(self) -> str:
        """What a person reads in a list of jobs."""
        first, *others = self.dictionaries
        return f"Train {first.slug}" + (f" and {len(others)} more" if others else "")


class UniversalJob(JobSpec):
    """Several models learn one dictionary from a collection; activations are extracted when they are missing."""

    kind: Literal[JobKind.UNIVERSAL] = JobKind.UNIVERSAL
    collection: str = Field(description="slug of the collection")
    streams: Annotated[
        tuple[ExtractionSpec, ...],
        AfterValidator(_joinable),
        Field(json_schema_extra=_TWO_TO_FIVE, description="models read at layers; each model and layer once"),
    ]
    weights: dict[str, Path] = Field({}, description="weights files by the model's name, as the worker sees them")
    slug: str = Field(pattern=_SLUG, description="name in addresses")
    title: str = Field(min_length=1, max_length=200, description="name for people, of the dictionary and of the job")
    spec: UniversalSpec

    @model_validator(mode="after")
    def _weights_are_read(self) -> "UniversalJob":
        models = [stream.model for stream in self.streams]
        for model in self.weights:
            if model not in models:
                raise ValueError(f"weights are given for {model}, which is none of the streams' models: {models}")
        return self


class IndexJob(JobSpec):
    """The evidence of a dictionary's concepts is gathered in an atlas."""

    kind: Literal[JobKind.INDEX] = JobKind.INDEX
    dictionary: str = Field(description="slug of the dictionary")
    atlas: AtlasSpec = AtlasSpec()
    weights: tuple[Path, ...] = Field((), description="weights files that live activations were made with")

    @property
    def title(self) -> str:
        """What a person reads in a list of jobs."""
        return f"Index {self.dictionary}"


class AlignJob(JobSpec):
    """The concepts of two dictionaries of one collection are brought together."""

    kind: Literal[JobKind.ALIGN] = JobKind.ALIGN
    first: str = Field(description="slug of a dictionary")
    second: str = Field(description="slug of the other dictionary; the order does not matter")
    alignment: AlignmentSpec = AlignmentSpec()
    weights: tuple[Path, ...] = Field((), description="weights files that live activations were made with")

    @model_validator(mode="after")
    def _two(self) -> "AlignJob":
        if self.first == self.second:
            raise ValueError(f"'{self.first}' is named twice; name two dictionaries")
        return self

    @property
    def title(self) -> str:
        """What a person reads in a list of jobs."""
        return f"Align {self.first} and {self.second}"


Work = IngestJob | ExtractJob | TrainJob | UniversalJob | IndexJob | AlignJob
"""A job that computes something itself."""


class Member(Spec):
    """One job of a pipeline, and the places of those that must have succeeded before it."""

    job: Annotated[Work, Field(discriminator="kind")]
    after: tuple[int, ...] = ()


class PipelineJob(JobSpec):
    """Several jobs, each started when those it needs have succeeded."""

    kind: Literal[JobKind.PIPELINE] = JobKind.PIPELINE
    title: str = Field(min_length=1, max_length=200)
    members: tuple[Member, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _in_order(self) -> "PipelineJob":
        for place, member in enumerate(self.members):
            if any(not 0 <= needed < place for needed in member.after):
                raise ValueError(f"member {place} may wait only for earlier ones, and asks for {list(member.after)}")
        return self


AnyJob = Work | PipelineJob
_ANY: TypeAdapter[AnyJob] = TypeAdapter(Annotated[AnyJob, Field(discriminator="kind")])

QUEUE_OF: Final = {
    JobKind.INGEST: Queue.CPU,
    JobKind.INDEX: Queue.CPU,
    JobKind.ALIGN: Queue.CPU,
    JobKind.EXTRACT: Queue.GPU,
    JobKind.TRAIN: Queue.GPU,
    JobKind.UNIVERSAL: Queue.GPU,
    JobKind.PIPELINE: Queue.PIPELINES,
}
"""Which resource a kind of job occupies; a worker runs one job of a resource at a time."""


def load_job(value: dict[str, Any]) -> AnyJob:
    """The job that plain JSON values mean; raises ``pydantic.ValidationError``."""
    return _ANY.validate_python(value)


def job_schema() -> dict[str, Any]:
    """JSON schema of all kinds of jobs."""
    return _ANY.json_schema()
