"""What a job will cost in time, memory and disk: from earlier jobs of this store, or from a machine with two cores.

A step's time is its amount of work over a speed. The speed is the median over earlier steps of the same key (the
model, the method), so that an estimate follows the machine that really works here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal, NamedTuple

from store.bundled import BUNDLED
from store.grid import Grid
from store.jobs import AlignJob, AnyJob, ExtractJob, IndexJob, IngestJob, PipelineJob, TrainJob, UniversalJob, Work
from store.methods import AnyDictionarySpec
from store.specs import ExtractionSpec

StepName = Literal["collection", "activations", "dictionaries", "universal", "atlas", "alignment"]
Basis = Literal["earlier", "typical", "unknown"]

# Amounts per second on two CPU cores, by key, from the steps of the demo's jobs.
TYPICAL_SPEED: Final[Mapping[str, float]] = {
    "collection": 270.0,  # photos
    "dictionaries": 9.0e9,  # concepts x width x tokens x epochs, judging included
    "universal": 5.3e9,  # the same with the width of all streams, and half as much again for references
    "atlas": 1.8e4,  # images x concepts, and what writing each concept's evidence takes
    "atlas universal": 1.8e4,  # the same for every stream
    "alignment": 1.7e5,  # images x concepts of both sides
} | {f"activations {model.name}": model.megapixels_per_s for model in BUNDLED.values()}
_CONCEPT_AS_IMAGES: Final = 80.0  # writing one concept's evidence takes as long as scanning it in so many images
_INGEST_BYTES: Final = 0.4e9
_TORCH_BYTES: Final = 1.5e9  # a process that has loaded a model and works on its tokens
_THUMBNAIL_BYTES: Final = 13_500
_CONCEPT_BYTES: Final = 90_000  # of an atlas: sprites, examples, neighbours
_STREAM_BYTES: Final = 6_000  # of the atlas of a universal dictionary, for each concept in each stream
_PAIR_BYTES: Final = 36  # of two concepts: five sums, and twice a correlation while they are matched
_ALIGNED_BYTES: Final = 20_000  # of an alignment, per concept: its strongest images with their maps
_STATE_BYTES: Final = 16 * 3  # weights, gradients, both moments of Adam, for encoder, decoder and the best so far


@dataclass(frozen=True)
class Step:
    """A part of a job: ``amount`` is comparable between steps of one ``key``; None where it is not known."""

    name: StepName
    key: str
    amount: float | None
    disk_bytes: float | None
    memory_bytes: float


@dataclass(frozen=True)
class Past:
    """A step that was really done, and how long it took."""

    step: Step
    seconds: float
    peak_bytes: int | None


@dataclass(frozen=True)
class StepEstimate:
    """A step with its seconds, and where they come from: earlier jobs here, a typical machine, or nowhere."""

    name: StepName
    key: str
    seconds: float | None
    basis: Basis
    n_earlier: int = 0


@dataclass(frozen=True)
class Estimate:
    """What a job will take; None where it cannot be told beforehand."""

    seconds: float | None
    memory_bytes: float | None
    disk_bytes: float | None
    steps: tuple[StepEstimate, ...]


@dataclass(frozen=True)
class Surroundings:
    """What estimates need to know of the store; each may answer None."""

    n_images: Callable[[str], int | None]
    """Images of a collection, by slug."""
    n_photos: Callable[[IngestJob], int | None]
    """Photos in a folder."""
    n_concepts: Callable[[str], int | None]
    """Concepts of a dictionary, by slug."""
    collection_of: Callable[[str], str | None]
    """Slug of the collection that a dictionary was learned from."""
    n_streams: Callable[[str], int | None] = lambda _: None
    """Streams of a universal dictionary, by slug; None for an ordinary one."""


def estimate(job: AnyJob, around: Surroundings, *, past: Sequence[Past] = ()) -> Estimate:
    """Time is the sum of the steps' times; memory the largest step's; disk the sum of what they keep."""
    steps = list(steps_of(job, around))
    times = [_time(step, past) for step in steps]
    return Estimate(
        seconds=_sum([time.seconds for time in times]),
        memory_bytes=max((_memory(step, past) for step in steps), default=None),
        disk_bytes=_sum([step.disk_bytes for step in steps]),
        steps=tuple(times),
    )


def steps_of(job: AnyJob, around: Surroundings) -> Iterator[Step]:
    """The steps of a job, in their order; the activations of a training are counted as if they had to be made."""
    match job:
        case IngestJob():
            yield _ingest(around.n_photos(job))
        case ExtractJob():
            yield _extract(job.extraction, around.n_images(job.collection))
        case TrainJob():
            n_images = around.n_images(job.collection)
            yield _extract(job.extraction, n_images)
            for one in job.dictionaries:
                yield _learn(one.spec, job.extraction, n_images)
        case UniversalJob():
            n_images = around.n_images(job.collection)
            for stream in job.streams:
                yield _extract(stream, n_images)
            yield _join(job, n_images)
        case IndexJob():
            yield _index(job, around)
        case AlignJob():
            yield _align(job, around)
        case PipelineJob():
            within = _within(job, around)
            for member in job.members:
                yield from steps_of(member.job, within)


def n_tokens(extraction: ExtractionSpec, n_images: int) -> int | None:
    """Tokens of an extraction, class token included; None for a model that is not bundled."""
    model, grid = BUNDLED.get(extraction.model), grid_of(extraction)
    return None if model is None or grid is None else n_images * (grid.n_patches + model.n_class)


def grid_of(extraction: ExtractionSpec) -> Grid | None:
    """Patches of an extraction; None for a model that is not bundled."""
    model = BUNDLED.get(extraction.model)
    layer = model.find_layer(extraction.layer) if model else None
    if model is None or layer is None:
        return None
    return model.grid(layer, extraction.height_px, extraction.width_px)


def _ingest(n_photos: int | None) -> Step:
    disk = None if n_photos is None else n_photos * _THUMBNAIL_BYTES
    return Step("collection", "collection", n_photos, disk, _INGEST_BYTES)


def _extract(extraction: ExtractionSpec, n_images: int | None) -> Step:
    key = f"activations {extraction.model}"
    model = BUNDLED.get(extraction.model)
    height, width = extraction.height_px, extraction.width_px
    if model is not None:
        height, width = height or model.height_px, width or model.width_px
    if n_images is None or height is None or width is None:
        return Step("activations", key, None, None, _TORCH_BYTES)
    return Step("activations", key, n_images * height * width / 1e6, _tokens_bytes(extraction, n_images), _TORCH_BYTES)


def _tokens_bytes(extraction: ExtractionSpec, n_images: int) -> float | None:
    if not extraction.stored:
        return 0.0
    tokens, width = n_tokens(extraction, n_images), _width(extraction)
    return None if tokens is None or width is None else 2.0 * tokens * width


def _learn(spec: AnyDictionarySpec, extraction: ExtractionSpec, n_images: int | None) -> Step:
    width = _width(extraction)
    tokens = None if n_images is None else n_tokens(extraction, n_images)
    known = width is not None and tokens is not None
    return Step(
        "dictionaries",
        f"dictionaries {spec.method}",
        float(spec.n_concepts) * (width or 0) * (tokens or 0) * spec.epochs if known else None,
        8.0 * spec.n_concepts * width if width is not None else None,
        _TORCH_BYTES + _STATE_BYTES * spec.n_concepts * (width or 1024),
    )


def _join(job: UniversalJob, n_images: int | None) -> Step:
    """Streams meet on the coarsest grid; the dictionaries of single streams, if wanted, are trained beside."""
    spec, widths = job.spec, [_width(stream) for stream in job.streams]
    tokens = None if n_images is None else _n_shared_tokens(job, n_images)
    width = None if None in widths else sum(one or 0 for one in widths)
    trained = spec.n_concepts * (1.5 if spec.references else 1.0)
    return Step(
        "universal",
        "universal",
        None if width is None or tokens is None else trained * width * tokens * spec.epochs,
        None if width is None else 8.0 * spec.n_concepts * width,
        _TORCH_BYTES + _STATE_BYTES * spec.n_concepts * (width or 1024 * len(widths)),
    )


def _n_shared_tokens(job: UniversalJob, n_images: int) -> int | None:
    grids = [grid_of(stream) for stream in job.streams]
    known = [grid for grid in grids if grid is not None]
    if len(known) < len(grids):
        return None
    rows = job.spec.grid_rows or min(grid.rows for grid in known)
    return n_images * rows * (job.spec.grid_cols or min(grid.cols for grid in known))


def _index(job: IndexJob, around: Surroundings) -> Step:
    n_concepts, slug = around.n_concepts(job.dictionary), around.collection_of(job.dictionary)
    n_streams = around.n_streams(job.dictionary)
    key = "atlas universal" if n_streams else "atlas"
    n_images = around.n_images(slug) if slug else None
    if n_concepts is None or n_images is None:
        return Step("atlas", key, None, None, _TORCH_BYTES)
    n_shown = n_concepts * (n_streams or 1)
    evidence = job.atlas.n_examples * 7 * 2_000 + job.atlas.n_reservoir * 64
    amount = n_shown * (n_images + _CONCEPT_AS_IMAGES)
    disk = n_concepts * (_CONCEPT_BYTES + _STREAM_BYTES * (n_streams or 0)) + n_images * _THUMBNAIL_BYTES
    return Step("atlas", key, amount, disk, _TORCH_BYTES + n_shown * evidence)


def _align(job: AlignJob, around: Surroundings) -> Step:
    concepts, slug = [around.n_concepts(one) for one in (job.first, job.second)], around.collection_of(job.first)
    n_images = around.n_images(slug) if slug else None
    if concepts[0] is None or concepts[1] is None or n_images is None:
        return Step("alignment", "alignment", None, None, _TORCH_BYTES)
    both = concepts[0] + concepts[1]
    memory = _TORCH_BYTES + _PAIR_BYTES * concepts[0] * concepts[1] + _ALIGNED_BYTES * both
    disk = 4_000.0 * both + n_images * _THUMBNAIL_BYTES
    return Step("alignment", "alignment", float(n_images) * both, disk, memory)


def _width(extraction: ExtractionSpec) -> int | None:
    model = BUNDLED.get(extraction.model)
    layer = model.find_layer(extraction.layer) if model else None
    return layer.width if layer else None


def _within(job: PipelineJob, around: Surroundings) -> Surroundings:
    """What later members will find: collections and dictionaries of earlier ones."""
    ingested = {m.job.collection.slug: m.job for m in job.members if isinstance(m.job, IngestJob)}
    learned = {one.slug: one for member in job.members for one in _learned(member.job)}
    return Surroundings(
        n_images=lambda slug: around.n_photos(ingested[slug]) if slug in ingested else around.n_images(slug),
        n_photos=around.n_photos,
        n_concepts=lambda slug: learned[slug].n_concepts if slug in learned else around.n_concepts(slug),
        collection_of=lambda slug: learned[slug].collection if slug in learned else around.collection_of(slug),
        n_streams=lambda slug: learned[slug].n_streams if slug in learned else around.n_streams(slug),
    )


class _Learned(NamedTuple):
    """A dictionary that a job will have made."""

    slug: str
    n_concepts: int
    collection: str
    n_streams: int | None


def _learned(job: Work) -> Iterator[_Learned]:
    match job:
        case TrainJob():
            for one in job.dictionaries:
                yield _Learned(one.slug, one.spec.n_concepts, job.collection, None)
        case UniversalJob():
            yield _Learned(job.slug, job.spec.n_concepts, job.collection, len(job.streams))


def _time(step: Step, past: Sequence[Past]) -> StepEstimate:
    alike = [one for one in past if one.step.key == step.key and one.step.amount and one.seconds > 0]
    if step.amount is None:
        return StepEstimate(step.name, step.key, None, "unknown")
    if alike:
        speed = median(one.step.amount / one.seconds for one in alike if one.step.amount)
        return StepEstimate(step.name, step.key, step.amount / speed, "earlier", len(alike))
    speed = TYPICAL_SPEED.get(step.key) or TYPICAL_SPEED.get(step.name, 0.0)
    return (
        StepEstimate(step.name, step.key, step.amount / speed, "typical")
        if speed
        else StepEstimate(step.name, step.key, None, "unknown")
    )


def _memory(step: Step, past: Sequence[Past]) -> float:
    """The formula's, or what a step of the same key and at least this size really took, if that was more."""
    seen = [
        float(one.peak_bytes)
        for one in past
        if one.peak_bytes and one.step.key == step.key and (one.step.amount or 0) <= (step.amount or 0)
    ]
    return max([step.memory_bytes, *seen])


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None
