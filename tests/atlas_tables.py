"""Fills every table of an atlas from dense codes, literally and slowly: for synthetic stores only."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from store.atlas.schema import FILE, STREAM_COLUMNS
from store.atlas.writer import AtlasWriter
from store.duck import Table
from store.grid import Grid, Window
from store.vocabulary import Band, Neighbors
from tests.head_tables import Head, head_classes, head_concepts, head_curves, head_groups, head_images
from tests.stream_tables import (
    StreamPlan,
    cofire,
    concept_columns,
    cross_r2,
    stream_concepts,
    stream_rows,
    window_columns,
)

INTERVALS = {Band.Q99: (0.95, 0.99), Band.Q95: (0.75, 0.95), Band.Q75: (0.5, 0.75), Band.Q50: (0.0, 0.5)}
N_EXAMPLES = 9
WINDOW = Window(96, 96)
WIDE = Window(60, 96)
Row = dict[str, Any]


@dataclass(frozen=True)
class AtlasPlan:
    """What a synthetic atlas is made from: codes, atoms, the collection's columns, its photos and facts."""

    codes: Float[np.ndarray, "n h w K"]
    atoms: Float[np.ndarray, "K d"]
    images: dict[str, Any]
    pictures: list[Image.Image]
    facts: dict[str, Any]
    streams: tuple[StreamPlan, ...] = ()
    """Those of a universal dictionary; ``codes`` are the mean of theirs."""

    @property
    def codes_of_streams(self) -> list[Float[np.ndarray, "n h w K"]]:
        """Codes of stream 0, 1, ..."""
        return [self.codes, *(stream.codes for stream in self.streams)]

    @property
    def grid(self) -> Grid:
        """The grid of patches."""
        return Grid(self.codes.shape[1], self.codes.shape[2])

    @property
    def window(self) -> Window:
        """The input window."""
        return WINDOW if self.grid.rows == self.grid.cols else WIDE

    @property
    def peaks(self) -> Float[np.ndarray, "n K"]:
        """Largest code of each concept on each image."""
        return np.asarray(self.codes.max(axis=(1, 2)))


def write_atlas(folder: Path, plan: AtlasPlan) -> None:
    """Write a whole atlas file into a draft's folder."""
    badges = list(_badges(plan))
    with AtlasWriter(folder / FILE) as writer:
        writer.write_meta(plan.facts)
        _append(writer, "stream", _streams(plan))
        _append(writer, "concept", [_concept(plan, k, badges) for k in range(plan.codes.shape[-1])])
        _append(writer, "example", _examples(plan))
        _append(writer, "sprite", _sprites(plan))
        names = [c.name for c in writer._schema.table("image").columns]
        writer.append("image", {name: plan.images[name] for name in names})
        _append(writer, "image_concept", _image_concepts(plan))
        _append(writer, "patch_code", _patch_codes(plan))
        _append(writer, "histogram", _histograms(plan))
        _append(writer, "position", _positions(plan))
        _append(writer, "neighbor", _neighbors(plan))
        classes = [c for c in plan.images["class"] if c]
        _append(writer, "class", [{"class": c, "n_images": classes.count(c)} for c in sorted(set(classes))])
        _append(writer, "class_concept", _class_concepts(plan))
        _append(writer, "badge", badges)
        if not plan.streams:
            head = Head(plan.codes, plan.atoms)
            _append(writer, "head_class", head_classes(head))
            _append(writer, "head_concept", head_concepts(head))
            _append(writer, "head_curve", head_curves(head))
            _append(writer, "head_image", head_images(head))
            _append(writer, "head_group", head_groups(head, plan.images["class"]))
        if plan.streams:
            _append(writer, "stream_concept", stream_concepts(plan.streams))
            _append(writer, "cofire", cofire(plan.streams))
            _append(writer, "cross_r2", cross_r2(plan.streams))


def _append(writer: AtlasWriter, table: str, rows: Iterable[Row]) -> None:
    declared: Table = writer._schema.table(table)
    found = sorted(rows, key=lambda row: tuple(str(row[name]).zfill(8) for name in declared.order))
    writer.append(table, {column.name: [row[column.name] for row in found] for column in declared.columns})


def _streams(plan: AtlasPlan) -> list[Row]:
    if plan.streams:
        return stream_rows(plan.streams, rows=plan.grid.rows, cols=plan.grid.cols)
    row = {
        "stream": 0,
        "is_mean": False,
        "model": plan.facts["model"],
        "layer": plan.facts["layer"],
        "width": plan.atoms.shape[1],
        "grid_rows": plan.grid.rows,
        "grid_cols": plan.grid.cols,
        "n_class": 0,
        "n_register": 0,
    }
    return [row | window_columns(plan.window)]


def _concept(plan: AtlasPlan, k: int, badges: list[Row]) -> Row:
    codes, peaks = plan.codes[..., k], plan.peaks[:, k]
    firing = peaks[peaks > 0]
    quantiles = np.quantile(firing, (0.5, 0.75, 0.95, 0.99)).tolist() if len(firing) else [None] * 4
    mean_map = codes.mean(axis=0).ravel()
    share = mean_map[mean_map > 0] / max(mean_map.sum(), 1e-12)
    by_class = _class_totals(plan, k)
    top = max(by_class, key=lambda name: by_class[name]) if by_class and len(firing) else None
    return {
        "concept": k,
        "density": float((codes > 0).mean()),
        "image_coverage": float((peaks > 0).mean()),
        "n_images": len(firing),
        "max": float(codes.max()),
        "mean": float(codes.mean()),
        "mean_active": float(codes[codes > 0].mean()) if len(firing) else None,
        "energy": float((codes.mean() * np.linalg.norm(plan.atoms[k])) ** 2),
        "importance": float(codes.var() / plan.codes.var(axis=(0, 1, 2)).sum()),
        "top_class": top,
        "purity": by_class[top] / sum(by_class.values()) if top else None,
        "position_entropy": float(-(share * np.log(share)).sum() / np.log(plan.grid.n_patches)) if len(firing) else 0.0,
        "spatial_size": float((codes[peaks > 0] > 0).mean()) if len(firing) else None,
        **{
            name: None if q is None else float(q)
            for name, q in zip(("q50", "q75", "q95", "q99"), quantiles, strict=True)
        },
        "badges": [row["badge"] for row in badges if row["concept"] == k],
        "map_x": (k * 7919) % 65536,
        "map_y": (k * 104729) % 65536,
        "firing_x": (k * 31337) % 65536 if len(firing) else None,
        "firing_y": (k * 27449) % 65536 if len(firing) else None,
        "cluster": k % 4,
        "label_seed": f"{top} {k}" if top and k % 3 == 0 else None,
        **(concept_columns(plan.streams, k) if plan.streams else dict.fromkeys(STREAM_COLUMNS)),
    }


def _class_totals(plan: AtlasPlan, k: int) -> dict[str, float]:
    totals: dict[str, float] = {}
    for name, codes in zip(plan.images["class"], plan.codes[..., k], strict=True):
        if name:
            totals[name] = totals.get(name, 0.0) + float(codes.sum())
    return totals


def _badges(plan: AtlasPlan) -> Iterable[Row]:
    for k in range(plan.codes.shape[-1]):
        density = float((plan.codes[..., k] > 0).mean())
        row = {
            "concept": k,
            "badge": "dead",
            "value": 0.0,
            "threshold": 0.0,
            "other": None,
            "reason": "It never fires.",
        }
        if density == 0:
            yield row
        if density > 0.5:
            yield row | {"badge": "dense", "value": density, "threshold": 0.5, "reason": "It fires nearly everywhere."}
        if k == 11:
            reason = "Its atoms have cosine 1.00 with those of the stronger concept 10 (from 0.95)."
            yield row | {"badge": "duplicate-of", "value": 1.0, "threshold": 0.95, "other": 10, "reason": reason}


def _bands(plan: AtlasPlan, k: int) -> dict[Band, list[int]]:
    """Images of each band of a concept, strongest first."""
    peaks = plan.peaks[:, k]
    order = [int(i) for i in np.argsort(-peaks, kind="stable")]
    firing = [i for i in order if peaks[i] > 0]
    bands = {Band.RANDOM: sorted(order[k % 5 :: 4][:N_EXAMPLES], key=lambda i: -peaks[i])}
    if firing:
        bands[Band.TOP] = firing[:N_EXAMPLES]
        bands[Band.NEAR_MISS] = [i for i in order if peaks[i] == 0][:N_EXAMPLES]
        for band, (low, high) in INTERVALS.items():
            lower, upper = np.quantile(peaks[firing], (low, high))
            bands[band] = [i for i in firing if lower <= peaks[i] < upper][:N_EXAMPLES]
    return bands


def _examples(plan: AtlasPlan) -> Iterable[Row]:
    for k in range(plan.codes.shape[-1]):
        firing = np.sort(plan.peaks[:, k][plan.peaks[:, k] > 0])
        for band, images in _bands(plan, k).items():
            for rank, image in enumerate(images):
                value = float(plan.codes[image, ..., k].max())
                told = {
                    "percentile": float(np.searchsorted(firing, value, side="right") / max(len(firing), 1)),
                    "likeness": 0.9 - rank / 20 if band is Band.NEAR_MISS else None,
                }
                place = {"concept": k, "band": band.value, "rank": rank, "image": image}
                for stream, codes in enumerate(plan.codes_of_streams):
                    seen = _seen(codes[image, ..., k], silent=bool(stream))
                    yield {**place, "stream": stream, **seen, **(dict.fromkeys(told) if stream else told)}


def _seen(codes: Float[np.ndarray, "h w"], *, silent: bool) -> Row:
    """Peak and map; with ``silent`` a map of zeros has no peak."""
    value = float(codes.max())
    row, col = divmod(int(codes.argmax()), codes.shape[1]) if value or not silent else (None, None)
    return {"row": row, "col": col, "value": value, "heat": as_heat(codes, value), "heat_scale": value}


def as_heat(codes: Float[np.ndarray, "h w"], scale: float) -> bytes:
    """A map as uint8, 255 = scale."""
    return bytes(np.rint(codes / (scale or 1) * 255).astype(np.uint8).tobytes())


def _sprites(plan: AtlasPlan) -> Iterable[Row]:
    squares = [_square(picture).resize((96, 96)) for picture in plan.pictures]
    for k in range(plan.codes.shape[-1]):
        largest = plan.codes[..., k].max()
        for band, images in _bands(plan, k).items():
            if not images:
                continue
            crops, heat = Image.new("RGB", (288, 288)), Image.new("L", (48, 48))
            for place, image in enumerate(images[:9]):
                y, x = divmod(place, 3)
                crops.paste(squares[image], (x * 96, y * 96))
                shades = np.rint(plan.codes[image, ..., k] / (largest or 1) * 255).astype(np.uint8)
                heat.paste(Image.fromarray(shades).resize((16, 16)), (x * 16, y * 16))
            yield {
                "concept": k,
                "stream": 0,
                "band": band.value,
                "n": min(len(images), 9),
                "crops": encoded(crops, "WEBP"),
                "heat": encoded(heat, "PNG"),
            }


def _square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def encoded(picture: Image.Image, kind: str) -> bytes:
    """A picture's bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=60, method=0)
    return buffer.getvalue()


def _image_concepts(plan: AtlasPlan) -> Iterable[Row]:
    for stream, of_images in enumerate(plan.codes_of_streams):
        largest = np.maximum(of_images.max(axis=(0, 1, 2)), 1e-12)
        for image, codes in enumerate(of_images):
            pooled = codes.mean(axis=(0, 1))
            order = [int(k) for k in np.argsort(-pooled / largest, kind="stable") if pooled[k] > 0][:12]
            for rank, k in enumerate(order):
                row, col = divmod(int(codes[..., k].argmax()), plan.grid.cols)
                yield {
                    "image": image,
                    "stream": stream,
                    "rank": rank,
                    "concept": k,
                    "pooled": float(pooled[k]),
                    "peak": float(codes[..., k].max()),
                    "row": row,
                    "col": col,
                }


def _patch_codes(plan: AtlasPlan) -> Iterable[Row]:
    for stream, of_images in enumerate(plan.codes_of_streams):
        for image, codes in enumerate(of_images):
            order = np.argsort(-codes, axis=-1, kind="stable")[..., :8]
            values = np.take_along_axis(codes, order, axis=-1)
            yield {
                "image": image,
                "stream": stream,
                "n_top": 8,
                "concepts": order.astype("<u4").tobytes(),
                "values": values.astype("<f2").tobytes(),
            }


def _histograms(plan: AtlasPlan) -> Iterable[Row]:
    for stream, codes in enumerate(plan.codes_of_streams):
        for k in range(codes.shape[-1]):
            for of, values in (("patch", codes[..., k].ravel()), ("image_max", codes[..., k].max(axis=(1, 2)))):
                yield {"concept": k, "stream": stream, "of": of, **_histogram(values)}


def _histogram(values: Float[np.ndarray, " n"]) -> Row:
    above = values[values > 0]
    edges, counts = np.geomspace(1e-3, 1, 21), np.zeros(20, dtype=int)
    if len(above):
        edges = np.geomspace(above.min() * 0.999, above.max() * 1.001, 21)
        counts = np.histogram(above, edges)[0]
    return {"edges": edges.tolist(), "counts": counts.tolist(), "n_zero": int((values == 0).sum())}


def _positions(plan: AtlasPlan) -> Iterable[Row]:
    for stream, codes in enumerate(plan.codes_of_streams):
        for k in range(codes.shape[-1]):
            mean = codes[..., k].mean(axis=0)
            yield {"concept": k, "stream": stream, "heat": as_heat(mean, mean.max()), "scale": float(mean.max())}


def _neighbors(plan: AtlasPlan) -> Iterable[Row]:
    unit = plan.atoms / np.maximum(np.linalg.norm(plan.atoms, axis=1, keepdims=True), 1e-12)
    cosine = unit @ unit.T
    flat = plan.codes.reshape(-1, plan.codes.shape[-1])
    norms = np.maximum(np.linalg.norm(flat, axis=0), 1e-12)
    together = flat.T @ flat / norms[:, None] / norms
    tables = {
        Neighbors.DECODER: cosine,
        Neighbors.ANTIPODAL: cosine,
        Neighbors.COACTIVATION: together,
        Neighbors.EXAMPLES: np.clip(together, 0, 1),
    }
    for kind, table in tables.items():
        keys = table if kind is Neighbors.ANTIPODAL else -table
        for k in range(len(table)):
            order = [int(o) for o in np.argsort(keys[k], kind="stable") if o != k][:8]
            for rank, other in enumerate(order):
                value = float(np.clip(table[k, other], -1, 1))
                yield {"concept": k, "kind": kind.value, "rank": rank, "other": other, "value": value}


def _class_concepts(plan: AtlasPlan) -> Iterable[Row]:
    names = np.array([name or "" for name in plan.images["class"]])
    pooled = plan.codes.mean(axis=(1, 2))
    for k in range(plan.codes.shape[-1]):
        total, mean = pooled[:, k].sum(), pooled[:, k].mean()
        for name in sorted(set(names) - {""}):
            mine = pooled[names == name, k]
            if total > 0:
                yield {
                    "concept": k,
                    "class": name,
                    "share": float(mine.sum() / total),
                    "lift": float(mine.mean() / mean),
                    "coverage": float((mine > 0).mean()),
                    "mean": float(mine.mean()),
                    "standard_error": float(mine.std(ddof=1) / len(mine) ** 0.5) if len(mine) > 1 else None,
                    "importance": None,
                }
