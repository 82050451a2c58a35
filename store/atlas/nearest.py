"""Which images of the collection a photo is like: by the cosine of their concepts' mean codes."""

import heapq
from collections.abc import Mapping
from typing import Any

from store.duck import DuckFile

_IMAGES_AT_ONCE = 65_536  # so that memory does not grow with the collection; rows are clustered by image
_MAXIMA = """
    SELECT concept, max FROM concept WHERE ? = 0 UNION ALL SELECT concept, max FROM stream_concept WHERE stream = ?
"""
_SQL = """
    WITH query AS (SELECT unnest(?::INTEGER[]) AS concept, unnest(?::DOUBLE[]) AS pooled),
    product AS (
        SELECT p.image, sum(sqrt(p.pooled * coalesce(query.pooled, 0))) AS dot, sum(p.pooled) AS square
        FROM image_concept p LEFT JOIN query USING (concept)
        WHERE p.stream = ? AND p.image >= ? AND p.image < ? GROUP BY p.image
    )
    SELECT i.image, i.id, i.width, i.height, i.class, i.split, i.source, i.thumbnail_width, i.thumbnail_height,
        p.dot / sqrt(p.square) AS likeness
    FROM product p JOIN image i USING (image) WHERE p.dot > 0 ORDER BY likeness DESC, i.image LIMIT ?
"""


def nearest_images(file: DuckFile, pooled: Mapping[int, float], *, stream: int, limit: int) -> list[dict[str, Any]]:
    """Evidence images by ``likeness``, the cosine of the square roots of mean codes over patches, in (0, 1]::

        sum_k sqrt(m_k n_k) / sqrt(sum_k m_k  sum_k n_k)

    Roots keep the few strongest concepts from deciding alone (figures in ``docs/effects.md``). The atlas keeps of every
    image the concepts whose codes are largest relative to their concept's max (``image_concept``), so the photo's codes
    are cut to as many by the same rule: an image of the collection has a likeness of 1 with itself. Equal ones by
    index.
    """
    maxima = {row["concept"]: row["max"] for row in file.rows(_MAXIMA, [stream, stream])}
    kept = _strongest(pooled, maxima, n=_n_kept(file))
    total = sum(kept.values())
    if not total:
        return []
    concepts, shares = list(kept), [value / total for value in kept.values()]
    found: list[dict[str, Any]] = []
    for start in range(0, _n_images(file), _IMAGES_AT_ONCE):
        found += file.rows(_SQL, [concepts, shares, stream, start, start + _IMAGES_AT_ONCE, limit])
    return heapq.nsmallest(limit, found, key=lambda row: (-row["likeness"], row["image"]))


def _strongest(pooled: Mapping[int, float], maxima: Mapping[int, float], *, n: int) -> dict[int, float]:
    """The n codes that are largest relative to their concepts' largest."""
    alive = [k for k, value in pooled.items() if value > 0 and maxima.get(k, 0) > 0]
    return {k: pooled[k] for k in heapq.nsmallest(n, alive, key=lambda k: (-pooled[k] / maxima[k], k))}


def _n_kept(file: DuckFile) -> int:
    return int(file.rows("SELECT coalesce(max(rank), -1) + 1 AS n FROM image_concept")[0]["n"])


def _n_images(file: DuckFile) -> int:
    return int(file.rows("SELECT coalesce(max(image), -1) + 1 AS n FROM image")[0]["n"])
