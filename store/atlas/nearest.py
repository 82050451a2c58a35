"""Which images of the collection a photo is like: by the cosine of their concepts' mean codes."""

import heapq
from collections.abc import Mapping
from typing import Any

from store.duck import DuckFile

_IMAGES_AT_ONCE = 65_536  # so that memory does not grow with the collection; rows are clustered by image
_MAXIMA = """
    SELECT concept, max FROM concept WHERE ? = 0 UNION ALL SELECT concept, max FROM stream_concept WHERE stream = ?
"""
_SQL = f"""
    WITH query AS (SELECT unnest(?::INTEGER[]) AS concept, unnest(?::DOUBLE[]) AS weight),
    largest AS ({_MAXIMA}),
    code AS (
        SELECT p.image, p.concept, p.pooled / l.max AS value FROM image_concept p JOIN largest l USING (concept)
        WHERE p.stream = ? AND p.image >= ? AND p.image < ? AND l.max > 0
    ),
    product AS (
        SELECT code.image, sum(code.value * coalesce(query.weight, 0)) AS dot, sum(code.value ** 2) AS square
        FROM code LEFT JOIN query USING (concept) GROUP BY code.image
    )
    SELECT i.image, i.id, i.width, i.height, i.class, i.split, i.source, i.thumbnail_width, i.thumbnail_height,
        p.dot / sqrt(p.square) AS likeness
    FROM product p JOIN image i USING (image) WHERE p.dot > 0 ORDER BY likeness DESC, i.image LIMIT ?
"""  # noqa: S608 constants of this module


def nearest_images(file: DuckFile, pooled: Mapping[int, float], *, stream: int, limit: int) -> list[dict[str, Any]]:
    """Evidence images by ``likeness``, the cosine of mean codes over patches, each relative to its concept's max.

    The atlas keeps the strongest concepts of an image only (``image_concept``), so the photo's codes are cut to as many
    by the same rule: an image of the collection has a likeness of 1 with itself. Equal ones by index.
    """
    maxima = {row["concept"]: row["max"] for row in file.rows(_MAXIMA, [stream, stream])}
    kept = _strongest(pooled, maxima, n=_n_kept(file))
    length = sum(value**2 for value in kept.values()) ** 0.5
    if not length:
        return []
    concepts, weights = list(kept), [value / length for value in kept.values()]
    found: list[dict[str, Any]] = []
    for start in range(0, _n_images(file), _IMAGES_AT_ONCE):
        given = [concepts, weights, stream, stream, stream, start, start + _IMAGES_AT_ONCE, limit]
        found += file.rows(_SQL, given)
    return heapq.nsmallest(limit, found, key=lambda row: (-row["likeness"], row["image"]))


def _strongest(pooled: Mapping[int, float], maxima: Mapping[int, float], *, n: int) -> dict[int, float]:
    """The n largest codes relative to their concepts' largest, as these shares."""
    shares = {k: value / maxima[k] for k, value in pooled.items() if value > 0 and maxima.get(k, 0) > 0}
    return dict(heapq.nsmallest(n, shares.items(), key=lambda item: (-item[1], item[0])))


def _n_kept(file: DuckFile) -> int:
    return int(file.rows("SELECT coalesce(max(rank), -1) + 1 AS n FROM image_concept")[0]["n"])


def _n_images(file: DuckFile) -> int:
    return int(file.rows("SELECT coalesce(max(image), -1) + 1 AS n FROM image")[0]["n"])
