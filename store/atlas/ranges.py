"""What concepts contribute to a class on single images, as far as an atlas tells: ranges, exact where it can be.

An atlas keeps of an image its 32 largest mean codes, and of a patch its 8 largest codes. With ``m_ik`` the mean code of
concept k on image i and ``s_kc = <d_k, w_c>``::

    contribution_ikc = m_ik s_kc        importance_kc = mean_i m_ik s_kc        contrast_kc = mean_i m_ik (s_kc - s_k)

where ``s_k`` is the mean slope over all classes. So one class of whose images all mean codes of k are kept gives
``s_k``, and with it the slope of k for every class::

    s_k = (importance_kc - contrast_kc) / mean_i m_ik        s_kc = s_k importance_kc / (importance_kc - contrast_kc)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from jaxtyping import Float64

from store.atlas.maps import Codes, least_kept, make_maps
from store.duck import DuckFile

if TYPE_CHECKING:
    from store.atlas.reader import Atlas, Row

Numbers = Float64[np.ndarray, "..."]
_HALF: Final = 2.0**-11  # relative error of a code as float16
_TINY: Final = 2.0**-25  # absolute error of the smallest
_KEPT: Final = """
    SELECT image, concept, pooled FROM image_concept
    WHERE stream = 0 AND image IN (SELECT unnest(?)) AND concept IN (SELECT unnest(?))
"""
_LEAST: Final = """
    SELECT image, min(k.pooled / c.max) AS least FROM image_concept k JOIN concept c USING (concept)
    WHERE k.stream = 0 AND image IN (SELECT unnest(?)) GROUP BY image
"""
_MEAN_SLOPES: Final = """
    WITH whole AS (
        SELECT output, c.n_images FROM head_class c JOIN head_image USING (output)
        GROUP BY output, c.n_images HAVING count(*) = c.n_images
    ),
    least AS (
        SELECT image, min(k.pooled / c.max) AS least FROM image_concept k JOIN concept c USING (concept)
        WHERE k.stream = 0 AND image IN (SELECT image FROM head_image) GROUP BY image
    ),
    met AS (
        SELECT h.concept, any_value(abs(h.importance - h.contrast)) AS gap, w.n_images, any_value(c.max) AS largest,
            coalesce(sum(k.pooled), 0) AS kept, coalesce(sum(l.least) FILTER (k.pooled IS NULL), 0) AS room
        FROM head_concept h JOIN whole w USING (output) JOIN concept c USING (concept)
            JOIN head_image i USING (output) JOIN least l USING (image)
            LEFT JOIN image_concept k ON k.image = i.image AND k.concept = h.concept AND k.stream = 0
        GROUP BY h.output, h.concept, w.n_images
    )
    SELECT concept, max(gap * n_images / (kept + room * largest * (1 + 1e-9))) AS low,
        min(CASE WHEN kept > 0 THEN gap * n_images / kept END) AS high
    FROM met WHERE kept + room > 0 GROUP BY concept
"""


@dataclass(frozen=True)
class Range:
    """Numbers that lie from ``low`` to ``high``, which are equal where they are known."""

    low: Numbers
    high: Numbers

    def at(self, places: Sequence[int]) -> "Range":
        """Some of them."""
        chosen = list(places)
        return Range(self.low[chosen], self.high[chosen])

    @property
    def middle(self) -> Numbers:
        """Half way between."""
        return np.asarray((self.low + self.high) / 2)

    @property
    def half(self) -> Numbers:
        """How far the number can be from the middle."""
        return np.asarray((self.high - self.low) / 2)


def mean_slopes(file: DuckFile, *, n_concepts: int) -> Range:
    """``|s_k|`` of every concept, from all classes of which all images are kept; infinite where nothing bounds it."""
    low, high = np.zeros(n_concepts), np.full(n_concepts, np.inf)
    for row in file.rows(_MEAN_SLOPES) if "head_image" in file.tables else ():
        low[row["concept"]] = row["low"]
        high[row["concept"]] = np.inf if row["high"] is None else max(row["high"], row["low"])
    return Range(low, high)


def kept_means(file: DuckFile, images: Sequence[int], concepts: Sequence[int]) -> list[dict[str, Any]]:
    """The mean codes that are kept of these concepts on these images."""
    return file.rows(_KEPT, [list(images), list(concepts)])


def least_means(file: DuckFile, images: Sequence[int]) -> dict[int, float]:
    """By image the smallest kept mean code relative to its concept's max: what is not kept is not above that."""
    return {row["image"]: row["least"] for row in file.rows(_LEAST, [list(images)])}


def mean_code_ranges(atlas: "Atlas", images: "Sequence[Row]", concepts: Sequence[int]) -> Range:
    """Mean codes ``[n c]`` of concepts on images whose patches' codes are kept."""
    codes = atlas.codes_on([row["id"] for row in images])
    listed = _from_patches([codes[row["id"]] for row in images], concepts, n_concepts=atlas.n_concepts)
    numbers = [row["image"] for row in images]
    rows, cols = ({value: place for place, value in enumerate(values)} for values in (numbers, concepts))
    least = atlas.least_means(numbers)
    limit = np.array([least.get(image, 0.0) for image in numbers])[:, None] * atlas.columns["max"][list(concepts)]
    low, high = listed.low, np.minimum(listed.high, limit * (1 + 1e-9))
    for row in atlas.kept_means(numbers, concepts):
        place = rows[row["image"]], cols[row["concept"]]
        low[place] = high[place] = row["pooled"]
    return Range(low, np.maximum(low, high))


def _from_patches(codes: Sequence[Codes], concepts: Sequence[int], *, n_concepts: int) -> Range:
    """A code that is not kept of a patch is none of its strongest, so at most the weakest of those."""
    maps = make_maps(codes, concepts, n_concepts=n_concepts).astype(np.float64)
    most = np.where(maps > 0, maps, least_kept(codes)[None])
    low, high = (found.mean(axis=(2, 3)).T for found in (maps, most))
    return Range(low * (1 - _HALF), high * (1 + _HALF) + np.where(high > 0, _TINY, 0.0))


def contribution_ranges(rows: "Sequence[Row]", codes: Range, *, n_images: int, slopes: Range) -> Range:
    """Contributions ``[n c]`` in logits to the class of ``rows`` (``head_concept``), ``slopes`` the mean ones.

    Its own slopes follow from the mean ones, and from the mean codes of its images, if all ``n_images`` are here. All
    contributions of a concept have one sign, so none exceeds ``n importance``.
    """
    importance = np.array([row["importance"] for row in rows], dtype=np.float64)
    given = _slopes(rows, codes, is_whole=n_images == len(codes.low), slopes=slopes)
    with np.errstate(invalid="ignore"):
        most = np.where(codes.high > 0, given.high * codes.high, 0.0)
    high = np.minimum(most, n_images * np.abs(importance))
    low = np.minimum(given.low * codes.low, high)
    against = importance < 0
    return Range(np.where(against, -high, low) + 0.0, np.where(against, -low, high) + 0.0)


def _slopes(rows: "Sequence[Row]", codes: Range, *, is_whole: bool, slopes: Range) -> Range:
    """``|s_kc|`` ``[c]``."""
    size = np.abs([row["importance"] for row in rows])
    gap = np.abs([row["importance"] - row["contrast"] for row in rows])
    told = gap > 1e-9 * size
    ratio = np.divide(size, gap, out=np.zeros_like(size), where=told)
    low = np.where(told, slopes.low * ratio, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        high = np.where(told & (size > 0), slopes.high * ratio, np.where(size > 0, np.inf, 0.0))
        least, most = size / codes.high.mean(axis=0), size / codes.low.mean(axis=0)
    if not is_whole:
        return Range(low, high)
    exact = low == high
    low = np.where(exact, low, np.fmax(low, np.nan_to_num(least, posinf=0.0)))
    return Range(low, np.maximum(low, np.where(exact, high, np.fmin(high, most))))
