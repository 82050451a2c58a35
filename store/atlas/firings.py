"""Images on which concepts are recorded as firing, from ``image_concept`` and ``example``."""

from collections.abc import Sequence
from typing import Any, Final

from store.duck import DuckFile

_SQL: Final = """
    WITH told AS (
        SELECT image, concept, peak FROM image_concept WHERE stream = 0 AND concept IN (SELECT unnest($1))
        UNION ALL
        SELECT image, concept, value FROM example WHERE stream = 0 AND value > 0 AND concept IN (SELECT unnest($1))
    )
    SELECT k.image, k.concept, k.peak, i.id, i.width, i.height, i.class, i.split, i.thumbnail_width, i.thumbnail_height
    FROM (SELECT image, concept, max(peak) AS peak FROM told GROUP BY image, concept) k JOIN image i USING (image)
    ORDER BY k.image, k.concept
"""


def firings(file: DuckFile, concepts: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each (image, concept) of these concepts, by image: its strongest, and all examples."""
    return file.rows(_SQL, [list(concepts)]) if concepts else []
