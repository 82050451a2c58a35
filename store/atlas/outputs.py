"""Predicted classes of an atlas beside each other: their summaries, their images, and what they have in common."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from store.duck import DuckFile, filled

MOST: Final = 0.8
"""Share of the importance of all concepts that the main ones come to."""
_IMAGE = "i.id, i.source, i.width, i.height, i.class, i.split, i.thumbnail_width, i.thumbnail_height"
_SUMMARIES = """
    WITH given AS (SELECT output, logit - bias - residual AS total FROM head_class),
    running AS (
        SELECT output, importance, sum(importance) OVER (
            PARTITION BY output ORDER BY importance DESC, concept ROWS UNBOUNDED PRECEDING
        ) AS so_far FROM head_concept
    ),
    main AS (
        SELECT output, 1 + count(*) FILTER (importance > 0 AND so_far < ? * total) AS n_main,
            max(so_far) >= ? * max(total) AND max(total) > 0 AS is_known
        FROM running JOIN given USING (output) GROUP BY output
    ),
    area AS (
        SELECT output, max(area) FILTER (ordering = 'most') AS area, max(area) FILTER (ordering = 'random') AS random,
            max(area_spread) FILTER (ordering = 'random') AS random_spread,
            max(area) FILTER (ordering = 'least') AS least
        FROM head_curve WHERE walk = 'deletion' AND step = 0 GROUP BY output
    )
    SELECT c.*, CASE WHEN main.is_known THEN main.n_main END AS n_main, area.* EXCLUDE (output)
    FROM head_class c LEFT JOIN main USING (output) LEFT JOIN area USING (output) ORDER BY n_images DESC, output
"""
_IMAGES = f"""
    SELECT h.output, h.rank, h.logit, h.probability, h.image, {_IMAGE} FROM head_image h JOIN image i USING (image)
    WHERE h.output IN (SELECT unnest(?)) AND h.rank < ? ORDER BY h.output, h.rank
"""  # noqa: S608 a constant list of columns
_OF_GROUPS = f"""
    SELECT i.image, {_IMAGE} FROM image i WHERE i.class IN (SELECT unnest(?))
    QUALIFY row_number() OVER (PARTITION BY i.class ORDER BY i.image) <= ? ORDER BY i.class, i.image
"""  # noqa: S608 a constant list of columns

_OF_IMAGE = """
    SELECT h.output, h.rank, h.logit, h.probability, c.name, c.n_images, c.n_curve AS n_kept
    FROM head_image h JOIN head_class c USING (output) WHERE h.image = ?
"""
_OF_NAMES = """
    SELECT g.class, g.output, c.name, g.n_images FROM head_group g JOIN head_class c USING (output)
    WHERE g.class IN (SELECT unnest(?)) ORDER BY g.class, g.n_images DESC, g.output
"""
_LEADERS = """
    SELECT output, concept, "leading" FROM head_concept
    QUALIFY row_number() OVER (PARTITION BY output ORDER BY "leading" DESC, rank) = 1
"""
_MAIN_GROUPS = """
    SELECT output, class, n_images FROM head_group
    QUALIFY row_number() OVER (PARTITION BY output ORDER BY n_images DESC, class) = 1
"""

_OF_CONCEPT = """
    SELECT h.*, c.name, c.n_images, k.n_kept FROM head_concept h JOIN head_class c USING (output)
    JOIN (SELECT output, count(*) AS n_kept FROM head_concept GROUP BY output) k USING (output)
    WHERE h.concept = ? ORDER BY abs(h.contrast) DESC, h.output
"""


def outputs_with(file: DuckFile, concept: int) -> list[dict[str, Any]]:
    """Predicted classes among whose kept concepts one is, by the size of its contrast, with how many are kept."""
    return file.rows(_OF_CONCEPT, [concept])


def summaries(file: DuckFile) -> list[dict[str, Any]]:
    """Every predicted class, those of most images first, with the areas of its deletion curves and ``n_main``::

        n_main = least s with  sum_{k in first s} importance_k >= 0.8 (logit - bias - residual),  largest first

    The bracket is the importance of all concepts together. None where that is not above 0, or where the concepts that
    the atlas keeps of a class do not reach so far. ``leader`` is the concept that leads on most images, of several the
    one of the largest contrast; ``group`` is the collection's class of most of them.
    """
    leaders = {row["output"]: row for row in file.rows(_LEADERS)}
    groups = {row["output"]: row for row in file.rows(_MAIN_GROUPS)} if "head_group" in file.tables else {}
    return [
        row | _leader(row, leaders.get(row["output"])) | _main_group(row, groups.get(row["output"]))
        for row in file.rows(_SUMMARIES, [MOST, MOST])
    ]


def _leader(row: dict[str, Any], found: dict[str, Any] | None) -> dict[str, Any]:
    if found is None or not found["leading"]:
        return {"leader": None, "leader_share": None}
    return {"leader": found["concept"], "leader_share": found["leading"] / row["n_images"]}


def _main_group(row: dict[str, Any], found: dict[str, Any] | None) -> dict[str, Any]:
    if found is None:
        return {"group": None, "group_share": None}
    return {"group": found["class"], "group_share": found["n_images"] / row["n_images"]}


def images_of(file: DuckFile, outputs: Sequence[int], *, limit: int) -> list[dict[str, Any]]:
    """The first images kept of some predicted classes, by class and probability; none of an older atlas."""
    return file.rows(_IMAGES, [list(outputs), limit]) if outputs and "head_image" in file.tables else []


def output_on(file: DuckFile, image: int) -> dict[str, Any] | None:
    """The predicted class that keeps an image, with its score there; None of an older atlas, or where none does."""
    found = file.rows(_OF_IMAGE, [image]) if "head_image" in file.tables else []
    return next(iter(found), None)


def images_of_groups(file: DuckFile, names: Sequence[str], *, limit: int) -> list[dict[str, Any]]:
    """The first evidence images of some of the collection's classes, by class."""
    return file.rows(_OF_GROUPS, [list(names), limit]) if names else []


def groups_of(file: DuckFile, output: int) -> list[dict[str, Any]]:
    """The collection's classes among the images of a predicted class, the largest first; none of an older atlas."""
    sql = "SELECT class, n_images FROM head_group WHERE output = ? ORDER BY n_images DESC, class"
    return file.rows(sql, [output]) if "head_group" in file.tables else []


def outputs_of(file: DuckFile, names: Sequence[str]) -> list[dict[str, Any]]:
    """The predicted classes among the images of some groups, by group, the largest first; none of an older atlas."""
    return file.rows(_OF_NAMES, [list(names)]) if names and "head_group" in file.tables else []


class Importances(NamedTuple):
    """All rows of ``head_concept``, by class."""

    output: Int64[np.ndarray, " n"]
    concept: Int64[np.ndarray, " n"]
    contrast: Float64[np.ndarray, " n"]


def importances(file: DuckFile) -> Importances:
    """In memory: 24 bytes for each of at most 64 concepts of a class."""
    found = file.columns("SELECT output, concept, contrast FROM head_concept ORDER BY output, rank")
    return Importances(
        filled(found["output"]).astype(np.int64), filled(found["concept"]).astype(np.int64), filled(found["contrast"])
    )


def alike(found: Importances, output: int) -> dict[int, float]:
    """How much of what speaks for a class speaks for each other class, in [0, 1]; those with nothing are left out::

    sum_k min(a_k, b_k) / sum_k max(a_k, b_k),  a_k and b_k the positive parts of both contrasts
    """
    positive = np.maximum(found.contrast, 0.0)
    mine = np.zeros(int(found.concept.max(initial=-1)) + 1)
    here = found.output == output
    mine[found.concept[here]] = positive[here]
    size = int(found.output.max(initial=-1)) + 1
    both = np.bincount(found.output, weights=np.minimum(positive, mine[found.concept]), minlength=size)
    either = np.bincount(found.output, weights=positive, minlength=size) + mine.sum() - both
    return {int(c): float(both[c] / either[c]) for c in np.flatnonzero(both > 0) if c != output}
