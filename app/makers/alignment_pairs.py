"""Pairs of an alignment with the photos on which both fire, seen by both models."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from app import urls
from app.makers.alignment_asking import Aligned, Asked, Facing
from app.makers.concepts import make_chip
from app.makers.places import in_pixels
from app.pictures import data_uri
from app.views.alignment import Pair, SharedTile
from store.alignment.reader import Row
from store.grid import Box


def chosen_pairs(one: Aligned, asked: Asked) -> list[int]:
    """Ranks of the matched pairs that meet the filters, in the order asked for."""
    columns = one.columns
    ranks = np.flatnonzero(_kept(one, columns, asked))
    keys = {
        "-correlation": -columns["correlation"],
        "-held_out": -np.nan_to_num(columns["held_out"].astype(np.float64), nan=-2.0),  # unknown ones come last
        "correlation": columns["correlation"],
        "-jaccard": -columns["jaccard"],
        "-gap": -_gap(one),
    }
    return [int(rank) for rank in ranks[np.argsort(keys[asked.sort][ranks], kind="stable")]]


def _kept(one: Aligned, columns: Mapping[str, Any], asked: Asked) -> Any:
    kept = columns["is_matched"].astype(bool) & _within(columns["correlation"], asked.minimum, asked.maximum)
    if asked.mutual:
        kept &= columns["is_mutual"].astype(bool)
    for side, facing in (("a", one.a), ("b", one.b)):
        low, high = (asked.energy[f"energy_{side}__{op}"] for op in ("gte", "lte"))
        kept &= _within(energies_of(one, facing)[columns[side]], low, high)
    return kept


def _within(values: Any, low: float | None, high: float | None) -> Any:
    return (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))


def _gap(one: Aligned) -> Any:
    """How far the two concepts of a pair differ in their share of all energy, as |log ratio|."""
    a, b = (energies_of(one, facing)[one.columns[key]] for key, facing in (("a", one.a), ("b", one.b)))
    tiny = 1e-12
    return np.abs(np.log(np.maximum(a, tiny) / np.maximum(b, tiny)))


def energies_of(one: Aligned, facing: Facing) -> Any:
    """Each concept's share of all energy of its dictionary."""
    return one.alignment.concepts[facing.side]["energy"]


def make_pairs(one: Aligned, ranks: Sequence[int]) -> tuple[Pair, ...]:
    """Pairs with their shared photos."""
    columns = one.columns
    keys = [(int(one.alignment.pairs["a"][rank]), int(one.alignment.pairs["b"][rank])) for rank in ranks]
    shared = one.alignment.shared_examples(keys)
    return tuple(_pair(one, columns, rank, shared[key]) for rank, key in zip(ranks, keys, strict=True))


def _pair(one: Aligned, columns: Mapping[str, Any], rank: int, rows: list[Row]) -> Pair:
    tiles = tuple(_shared_tile(one, columns, rank, row) for row in rows)
    ious = [tile.iou for tile in tiles if tile.iou is not None]
    values = {name: _plain(columns[name][rank]) for name in ("correlation", "held_out", "percentile", "jaccard")}
    return Pair(
        rank=rank,
        a=make_chip(one.a.opened, int(columns["a"][rank])),
        b=make_chip(one.b.opened, int(columns["b"][rank])),
        mutual=bool(columns["is_mutual"][rank]),
        cosine=_plain(columns["cosine"][rank]),
        overlap=float(columns["overlap"][rank]),
        cofire_a=float(columns["a_share"][rank]),
        cofire_b=float(columns["b_share"][rank]),
        iou=float(np.mean(ious)) if ious else None,
        shared=tiles,
        **values,
    )


def _plain(value: Any) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


def _shared_tile(one: Aligned, columns: Mapping[str, Any], rank: int, row: Row) -> SharedTile:
    heats = {f.side: one.alignment.as_map(row[f"heat_{f.side}"], side=f.side) for f in (one.a, one.b)}
    seen = {f.side: one.alignment.sides[f.side].window.seen(row["width"], row["height"]) for f in (one.a, one.b)}
    a, b = one.a.side, one.b.side
    width, height = row["thumbnail_width"], row["thumbnail_height"]
    difference, iou = compare_heats(heats[a], heats[b], seen=(seen[a], seen[b]))
    ids = int(columns["a"][rank]), int(columns["b"][rank])
    return SharedTile(
        image=row["id"],
        class_name=row["class"],
        width=width,
        height=height,
        thumbnail=urls.alignment_thumb(one.alignment.digest, row["id"]),
        alt=f"Photo {row['id'][:6]}{', class ' + row['class'] if row['class'] else ''}",
        value_a=row[f"value_{a}"],
        value_b=row[f"value_{b}"],
        scale_a=row[f"scale_{a}"],
        scale_b=row[f"scale_{b}"],
        iou=iou,
        seen_a=in_pixels(seen[a], width=width, height=height),
        seen_b=in_pixels(seen[b], width=width, height=height),
        heat_a=data_uri(heats[a]),
        heat_b=data_uri(heats[b]),
        difference=data_uri(difference),
        url_a=urls.image(row["id"], one.a.opened.entry.slug, concept=ids[0]),
        url_b=urls.image(row["id"], one.b.opened.entry.slug, concept=ids[1]),
    )


_FINE: Final = 32


def compare_heats(a: Any, b: Any, *, seen: tuple[Box, Box]) -> tuple[Any, float | None]:
    """Difference as grey [32 32] over the whole photo (128 = alike), and overlap ``sum min / sum max`` of both.

    Each map counts by its own peak; both are read at 32 x 32 places of the photo, and are 0 where a model saw nothing.
    """
    first, second = (_at_places(heat, box) for heat, box in zip((a, b), seen, strict=True))
    most = float(np.maximum(first, second).sum())
    grey = np.rint(127.5 + 127.5 * (first - second)).astype(np.uint8)
    return grey, float(np.minimum(first, second).sum()) / most if most else None


def _at_places(heat: Any, box: Box) -> Any:
    rows, cols = heat.shape
    centre = (np.arange(_FINE) + 0.5) / _FINE
    down, across = (centre - box.top) / box.height, (centre - box.left) / box.width
    row = np.clip((down * rows).astype(int), 0, rows - 1)
    col = np.clip((across * cols).astype(int), 0, cols - 1)
    inside = np.outer((down >= 0) & (down < 1), (across >= 0) & (across < 1))
    return np.where(inside, heat[np.ix_(row, col)] / max(int(heat.max()), 1), 0.0)


def find_rank(one: Aligned, concept: int) -> int | None:
    """Rank of the matched pair of a concept of the page's side a, or None."""
    columns = one.columns
    found = np.flatnonzero((columns["a"] == concept) & columns["is_matched"].astype(bool))
    return int(found[0]) if len(found) else None
