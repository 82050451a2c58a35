"""What the map of an atlas is made of beside the columns: pictures of concepts, and classes by cluster."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from store.duck import DuckFile
from store.vocabulary import Band


class ClassShare(NamedTuple):
    """How far a cluster's concepts answer to a class."""

    cluster: int
    class_name: str
    n_top: int
    """Concepts of the cluster whose top class it is."""
    share: float
    """Mean over the cluster's concepts of the share of a concept's code that falls on the class."""
    usual: float
    """The same over all concepts of the dictionary."""


_SHARES = """
    WITH alive AS (SELECT concept, cluster, top_class FROM concept WHERE cluster IS NOT NULL AND mean > 0),
    sizes AS (SELECT cluster, count(*) AS n FROM alive GROUP BY cluster),
    usual AS (
        SELECT class, sum(share) / (SELECT count(*) FROM alive) AS usual
        FROM class_concept JOIN alive USING (concept) GROUP BY class
    )
    SELECT a.cluster, k.class, count(*) FILTER (a.top_class = k.class) AS n_top,
        sum(k.share) / any_value(s.n) AS share, any_value(u.usual) AS usual
    FROM class_concept k JOIN alive a USING (concept) JOIN sizes s USING (cluster) JOIN usual u USING (class)
    GROUP BY a.cluster, k.class
    HAVING n_top >= ? AND sum(k.share) / any_value(s.n) >= ? * any_value(u.usual)
    ORDER BY a.cluster, k.class
"""


class Charting:
    """Reads for the map."""

    def __init__(self, file: DuckFile) -> None:
        self._file = file

    def class_shares(self, *, least_top: int, least_lift: float) -> list[ClassShare]:
        """The classes that so many of a cluster's concepts have as their top class, and that are so over-represented.

        By cluster and class; concepts count alike. The lift is ``share / usual``.
        """
        return [ClassShare(*row.values()) for row in self._file.rows(_SHARES, [least_top, least_lift])]

    def sprites(self, concepts: Sequence[int]) -> dict[int, bytes]:
        """The pictures (WebP, 3 x 3 crops) of the top examples of some concepts; silent ones have none."""
        sql = """
            SELECT concept, crops FROM sprite
            WHERE concept IN (SELECT unnest(?)) AND stream = 0 AND band = ? AND n > 0
        """
        rows: list[dict[str, Any]] = self._file.rows(sql, [list(concepts), Band.TOP.value]) if concepts else []
        return {row["concept"]: bytes(row["crops"]) for row in rows}
