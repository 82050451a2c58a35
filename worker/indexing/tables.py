"""Writes the gathered evidence into the atlas, table by table."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from store.atlas.writer import AtlasWriter
from store.collection import Collection
from store.grid import Grid
from store.vocabulary import Band, Neighbors
from worker.images.evidence import image_columns
from worker.indexing.badges import Evidence
from worker.indexing.bands import Bands, Example
from worker.indexing.neighbors import Lists
from worker.indexing.scan import Scan
from worker.indexing.sprites import Sprites
from worker.indexing.staging import Chunk, Staging
from worker.indexing.totals import Totals, bin_edges

SPRITE_BANDS = (Band.TOP, Band.Q75, Band.RANDOM)
View = Callable[[Example], Example]
_CONCEPTS_AT_ONCE = 64
_CLASSES_KEPT = 32


def write_examples(
    writer: AtlasWriter,
    bands: Bands,
    sprites: Sprites,
    *,
    largest: Float64[np.ndarray, " K"],
    grid: Grid,
    on_progress: Callable[[int, int, str], None],
    others: Sequence[View] = (),
) -> set[int]:
    """Write ``example`` and ``sprite``; returns the images that serve as evidence.

    ``others`` turn an example of stream 0 into what streams 1, 2, ... see of it.
    """
    evidence: set[int] = set()
    with ThreadPoolExecutor(max_workers=2) as threads:
        for start in range(0, len(largest), _CONCEPTS_AT_ONCE):
            block = range(start, min(start + _CONCEPTS_AT_ONCE, len(largest)))
            examples = {concept: list(bands.examples(concept)) for concept in block}
            flat = [example for concept in block for example in examples[concept]]
            seen = (view(example) for c in block for view in (_as_is, *others) for example in examples[c])
            writer.append("example", _example_columns(list(seen), grid))
            jobs = [(c, band, _of(examples[c], band)) for c in block for band in SPRITE_BANDS]
            jobs = [job for job in jobs if job[2]]
            pictures = list(threads.map(lambda job: sprites.make(job[2], largest=float(largest[job[0]])), jobs))
            writer.append("sprite", _sprite_columns(jobs, pictures))
            evidence.update(example.image for example in flat)
            on_progress(block.stop, len(largest), "concepts illustrated")
    return evidence


def _as_is(example: Example) -> Example:
    return example


def _of(examples: list[Example], band: Band) -> list[Example]:
    return [example for example in examples if example.band == band]


def _example_columns(examples: list[Example], grid: Grid) -> dict[str, Any]:
    return {
        "concept": [e.concept for e in examples],
        "stream": [e.stream for e in examples],
        "band": [e.band.value for e in examples],
        "rank": [e.rank for e in examples],
        "image": [e.image for e in examples],
        "row": [None if e.patch is None else e.patch // grid.cols for e in examples],
        "col": [None if e.patch is None else e.patch % grid.cols for e in examples],
        "value": [e.value for e in examples],
        "percentile": [e.percentile for e in examples],
        "likeness": [e.likeness for e in examples],
        "heat": [e.heat.tobytes() for e in examples],
        "heat_scale": [e.value for e in examples],
    }


def _sprite_columns(jobs: list[tuple[int, Band, list[Example]]], pictures: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "concept": [concept for concept, _, _ in jobs],
        "stream": [0] * len(jobs),
        "band": [band.value for _, band, _ in jobs],
        "n": [min(len(examples), 9) for _, _, examples in jobs],
        "crops": [crops for crops, _ in pictures],
        "heat": [heat for _, heat in pictures],
    }


def write_images(writer: AtlasWriter, collection: Collection, evidence: Iterable[int]) -> None:
    """Write ``image``: the evidence images with their thumbnails."""
    for columns in image_columns(collection, evidence):
        writer.append("image", columns)


def write_per_image(
    writer: AtlasWriter,
    stagings: Sequence[Staging],
    *,
    evidence: set[int],
    largest: Sequence[Float64[np.ndarray, " K"]],
    image_top: int,
    grid: Grid,
) -> None:
    """Write ``image_concept`` for all images and ``patch_code`` for the evidence images, of all streams."""
    for chunks in zip(*(staging.chunks() for staging in stagings), strict=True):
        strongest = [
            _image_columns(chunk, most, image_top=image_top) for chunk, most in zip(chunks, largest, strict=True)
        ]
        columns = _joined(strongest)
        order = np.lexsort((columns["rank"], columns["stream"], columns["image"]))
        ordered = {name: values[order] for name, values in columns.items()}
        patch = ordered.pop("patch")
        writer.append("image_concept", ordered | {"row": patch // grid.cols, "col": patch % grid.cols})
        writer.append("patch_code", _patch_columns(chunks, evidence))


def _image_columns(chunk: Chunk, largest: Float64[np.ndarray, " K"], *, image_top: int) -> dict[str, Any]:
    relative = chunk.pair_pooled / largest[chunk.pair_concept]
    order = np.lexsort((chunk.pair_concept, -relative, chunk.pair_image))
    image = chunk.pair_image[order]
    rank = np.arange(len(order)) - np.searchsorted(image, image, side="left")
    order, rank = order[rank < image_top], rank[rank < image_top]
    return {
        "image": chunk.pair_image[order],
        "rank": rank,
        "concept": chunk.pair_concept[order],
        "pooled": chunk.pair_pooled[order],
        "peak": chunk.pair_peak[order],
        "patch": chunk.pair_patch[order],
    }


def _joined(of_streams: Sequence[dict[str, Any]]) -> dict[str, Any]:
    columns = {name: np.concatenate([one[name] for one in of_streams]) for name in of_streams[0]}
    lengths = [len(one["image"]) for one in of_streams]
    return columns | {"stream": np.repeat(np.arange(len(of_streams), dtype=np.int32), lengths)}


def _patch_columns(chunks: Sequence[Chunk], evidence: set[int]) -> dict[str, Any]:
    shown = [i for i, image in enumerate(chunks[0].images) if int(image) in evidence]
    rows = [(i, stream, chunk) for i in shown for stream, chunk in enumerate(chunks)]
    return {
        "image": [int(chunk.images[i]) for i, _, chunk in rows],
        "stream": [stream for _, stream, _ in rows],
        "n_top": [chunk.patch_values.shape[2] for _, _, chunk in rows],
        "concepts": [chunk.patch_concepts[i].tobytes() for i, _, chunk in rows],
        "values": [chunk.patch_values[i].tobytes() for i, _, chunk in rows],
    }


def write_histograms(writer: AtlasWriter, of_streams: Sequence[Totals]) -> None:
    """Write ``histogram``: for each concept and stream only the bins between the first and last filled one."""
    edges = bin_edges()
    rows: dict[str, list[Any]] = {name: [] for name in ("concept", "stream", "of", "edges", "counts", "n_zero")}
    for concept in range(of_streams[0].n_concepts):
        for stream, totals in enumerate(of_streams):
            for of, bins, n_zero in _histograms_of(totals, concept):
                filled = np.flatnonzero(bins)
                first, last = filled[0], filled[-1]
                rows["concept"].append(concept)
                rows["stream"].append(stream)
                rows["of"].append(of)
                rows["edges"].append(edges[first : last + 2].tolist())
                rows["counts"].append(bins[first : last + 1].tolist())
                rows["n_zero"].append(n_zero)
    writer.append("histogram", rows)


def _histograms_of(totals: Totals, concept: int) -> Iterator[tuple[str, Int64[np.ndarray, " b"], int]]:
    """Of patches and of peaks, where it fires at all: bins, and how many are 0."""
    if totals.count[concept]:
        yield "patch", totals.patch_bins[concept], int(totals.n_tokens - totals.count[concept])
        yield "image_max", totals.image_bins[concept], int(totals.n_images - totals.n_firing_images[concept])


def write_positions(writer: AtlasWriter, of_streams: Sequence[Totals]) -> None:
    """Write ``position``: mean maps, each scaled to its own largest value."""
    mean = np.stack([totals.position / max(totals.n_images, 1) for totals in of_streams], axis=1)
    scale = mean.max(axis=2)
    heat = np.rint(mean / np.where(scale > 0, scale, 1)[:, :, None] * 255).astype(np.uint8)
    concept, stream = np.divmod(np.arange(scale.size), len(of_streams))
    columns = {"concept": concept, "stream": stream, "scale": scale.ravel()}
    writer.append("position", columns | {"heat": [row.tobytes() for row in heat.reshape(scale.size, -1)]})


def write_neighbors(writer: AtlasWriter, lists: dict[Neighbors, Lists]) -> None:
    """Write ``neighbor``, clustered by concept."""
    n_concepts = len(next(iter(lists.values()))[0])
    rows: dict[str, list[Any]] = {name: [] for name in ("concept", "kind", "rank", "other", "value")}
    for concept in range(n_concepts):
        for kind, (others, values) in lists.items():
            found = [(int(o), float(v)) for o, v in zip(others[concept], values[concept], strict=True) if o >= 0]
            rows["concept"] += [concept] * len(found)
            rows["kind"] += [kind.value] * len(found)
            rows["rank"] += range(len(found))
            rows["other"] += [other for other, _ in found]
            rows["value"] += [value for _, value in found]
    writer.append("neighbor", rows)


def write_classes(
    writer: AtlasWriter, totals: Totals, names: list[str], *, slopes: Float64[np.ndarray, "K c"] | None = None
) -> None:
    """Write ``class`` and, for each concept, its strongest classes into ``class_concept``.

    ``slopes`` say how much a mean code of 1 adds to the model's logit of each class; NaN where it has no such class.
    """
    if not names:
        return
    writer.append("class", {"class": names, "n_images": totals.class_images})
    n = np.maximum(totals.class_images, 1)
    mean = totals.class_sum / n
    spread = np.maximum(totals.class_square - n * mean**2, 0) / np.maximum(n - 1, 1)
    error = np.sqrt(spread / n)
    overall = totals.total / max(totals.n_tokens, 1)
    share = totals.class_sum / np.maximum(totals.class_sum.sum(axis=1, keepdims=True), 1e-300)
    concept, place = _largest_classes(totals.class_sum)
    columns = {
        "concept": concept,
        "class": [names[i] for i in place],
        "share": share[concept, place],
        "lift": mean[concept, place] / overall[concept],
        "coverage": totals.class_firing[concept, place] / n[place],
        "mean": mean[concept, place],
        "standard_error": [float(error[c, i]) if n[i] > 1 else None for c, i in zip(concept, place, strict=True)],
        "importance": [None] * len(concept) if slopes is None else nullable((mean * slopes)[concept, place]),
    }
    writer.append("class_concept", columns)


def _largest_classes(class_sum: Float64[np.ndarray, "K c"]) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    order = np.argsort(-class_sum, axis=1, kind="stable")[:, :_CLASSES_KEPT]
    concept, rank = np.nonzero(np.take_along_axis(class_sum, order, axis=1) > 0)
    return concept, order[concept, rank]


def write_badges(writer: AtlasWriter, badges: list[Evidence]) -> None:
    """Write ``badge``."""
    columns = {
        "concept": [b.concept for b in badges],
        "badge": [b.badge.value for b in badges],
        "value": [b.value for b in badges],
        "threshold": [b.threshold for b in badges],
        "other": [b.other for b in badges],
        "reason": [b.reason for b in badges],
    }
    writer.append("badge", columns)


def concept_columns(
    scan: Scan,
    bands: Bands,
    *,
    names: list[str],
    energy: Float64[np.ndarray, " K"],
    entropy: Float64[np.ndarray, " K"],
    badges: list[Evidence],
) -> dict[str, Any]:
    """All columns of ``concept`` but the places on the map and the clusters."""
    totals = scan.totals
    quantiles = np.stack([bands.quantiles(concept) for concept in range(scan.n_concepts)])
    top_class, purity = _top_classes(totals, names)
    of_concept: dict[int, list[str]] = {}
    for badge in badges:
        of_concept.setdefault(badge.concept, []).append(badge.badge.value)
    return {
        "concept": np.arange(scan.n_concepts),
        "density": totals.count / totals.n_tokens,
        "image_coverage": totals.n_firing_images / totals.n_images,
        "n_images": totals.n_firing_images,
        "max": totals.largest,
        "mean": totals.total / totals.n_tokens,
        "mean_active": totals.total / np.maximum(totals.count, 1),
        "energy": energy,
        "importance": totals.removal / max(scan.n_variance, 1e-300),
        "top_class": top_class,
        "purity": purity,
        "position_entropy": entropy,
        "spatial_size": totals.size_sum / np.maximum(totals.n_firing_images, 1),
        **{f"q{q:.0f}": nullable(quantiles[:, i]) for i, q in enumerate((50, 75, 95, 99))},
        "badges": [of_concept.get(concept, []) for concept in range(scan.n_concepts)],
        "label_seed": [_label_seed(c, p) for c, p in zip(top_class, purity, strict=True)],
    }


def _top_classes(totals: Totals, names: list[str]) -> tuple[list[str | None], list[float | None]]:
    if not names:
        return [None] * totals.n_concepts, [None] * totals.n_concepts
    best = totals.class_sum.argmax(axis=1)
    whole = totals.class_sum.sum(axis=1)
    tops: list[str | None] = [names[b] if w > 0 else None for b, w in zip(best, whole, strict=True)]
    shares = totals.class_sum[np.arange(len(best)), best] / np.maximum(whole, 1e-300)
    return tops, [float(s) if w > 0 else None for s, w in zip(shares, whole, strict=True)]


def _label_seed(top_class: str | None, purity: float | None) -> str | None:
    """The top class's name, where most of the code falls on it."""
    return top_class if purity is not None and purity >= 0.5 else None


def nullable(values: Float64[np.ndarray, " n"]) -> list[float | None]:
    """Numbers for a column that may be empty: None for NaN."""
    return [None if np.isnan(value) else float(value) for value in values]
