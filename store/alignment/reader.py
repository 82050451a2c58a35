"""Reads an alignment: facts and scalar columns of pairs and concepts in memory, pictures and lists from the file."""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from store.alignment.schema import CONCEPT, FILE, PAIR, SCHEMA
from store.alignment.sides import Side, SideFacts
from store.artifacts import Artifact
from store.duck import DuckFile, filled
from store.errors import NotFound
from store.grid import Grid

Row = dict[str, Any]
Array = np.ndarray[Any, Any]


class Alignment:
    """An alignment opened read-only; safe to share between threads."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self._file = DuckFile(artifact.file(FILE), SCHEMA)
        self.meta: dict[str, Any] = {
            row["key"]: json.loads(row["value"]) for row in self._file.rows("SELECT key, value FROM meta")
        }
        self.sides = {side: SideFacts.from_json(self.meta[side.value]) for side in Side}

    @property
    def digest(self) -> str:
        """Address of the alignment."""
        return self.artifact.digest

    @property
    def grid(self) -> Grid:
        """The shared grid, on which codes were compared."""
        return Grid(self.meta["grid"]["rows"], self.meta["grid"]["cols"])

    @property
    def summary(self) -> dict[str, Any]:
        """The headline numbers."""
        return dict(self.meta["summary"])

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def side_of(self, dictionary: str) -> Side:
        """Which side a dictionary is, by its digest; raises ``NotFound``."""
        for side, facts in self.sides.items():
            if facts.dictionary == dictionary:
                return side
        raise NotFound("dictionary of this alignment", dictionary, known=[f.dictionary for f in self.sides.values()])

    @cached_property
    def pairs(self) -> dict[str, Array]:
        """All columns of all pairs, by rank; an absent number is NaN."""
        names = ", ".join(f'"{column.name}"' for column in PAIR.columns)
        columns = self._file.columns(f"SELECT {names} FROM pair ORDER BY rank")  # noqa: S608 declared names
        return {name: filled(values) for name, values in columns.items()}

    @cached_property
    def concepts(self) -> dict[Side, dict[str, Array]]:
        """All columns of all concepts of either side, by index; an absent number is NaN, an absent index None."""
        return {side: self._concept_columns(side) for side in Side}

    def _concept_columns(self, side: Side) -> dict[str, Array]:
        names = ", ".join(f'"{column.name}"' for column in CONCEPT.columns)
        sql = f"SELECT {names} FROM concept WHERE side = ? ORDER BY concept"  # noqa: S608 declared names
        return {name: filled(values) for name, values in self._file.columns(sql, [side.value]).items()}

    def check(self, side: Side, concept: int) -> int:
        """The concept's index; raises ``NotFound`` that names the valid range."""
        n_concepts = self.sides[side].n_concepts
        if not 0 <= concept < n_concepts:
            remedy = f"Side {side} of this alignment has the concepts 0 to {n_concepts - 1}."
            raise NotFound("concept", str(concept), remedy=remedy)
        return concept

    def concept(self, side: Side, concept: int) -> Row:
        """All columns of one concept; absent values are None."""
        sql = "SELECT * FROM concept WHERE side = ? AND concept = ?"
        return self._file.rows(sql, [side.value, self.check(side, concept)])[0]

    def pair(self, a: int, b: int) -> Row:
        """One pair; raises ``NotFound``."""
        for row in self._file.rows("SELECT * FROM pair WHERE a = ? AND b = ?", [a, b]):
            return row
        raise NotFound("pair", f"{a}, {b}", remedy="They are not matched; see the candidates of each.")

    def candidates(self, side: Side, concept: int) -> list[Row]:
        """Concepts of the other side that are like this one, best first."""
        sql = "SELECT * FROM candidate WHERE side = ? AND concept = ? ORDER BY rank"
        return self._file.rows(sql, [side.value, self.check(side, concept)])

    def fans(self, side: Side, *, limit: int = 1000, offset: int = 0) -> list[Row]:
        """Parts of the concepts of a side that are split, whole by whole; the largest part first."""
        sql = """
            SELECT * FROM fan
            WHERE side = ? AND concept IN (
                SELECT concept FROM fan WHERE side = ? GROUP BY concept ORDER BY concept LIMIT ? OFFSET ?
            )
            ORDER BY concept, share DESC, other
        """
        return self._file.rows(sql, [side.value, side.value, limit, offset])

    def fan(self, side: Side, concept: int) -> list[Row]:
        """Parts of one concept, the largest first; none when it is not split."""
        sql = "SELECT * FROM fan WHERE side = ? AND concept = ? ORDER BY share DESC, other"
        return self._file.rows(sql, [side.value, self.check(side, concept)])

    @cached_property
    def histograms(self) -> dict[str, Row]:
        """Edges and counts by what they are of."""
        return {row["of"]: row for row in self._file.rows("SELECT * FROM histogram ORDER BY of")}

    def shared_examples(self, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[Row]]:
        """Images of each pair with their id, size and class, by rank: one query for a whole page of pairs."""
        sql = """
            SELECT e.*, i.id, i.width, i.height, i.class, i.split, i.thumbnail_width, i.thumbnail_height
            FROM shared_example e JOIN image i USING (image)
            WHERE e.a IN (SELECT unnest(?)) AND e.b IN (SELECT unnest(?)) ORDER BY e.a, e.b, e.rank
        """
        found: dict[tuple[int, int], list[Row]] = {pair: [] for pair in pairs}
        for row in self._file.rows(sql, [[a for a, _ in pairs], [b for _, b in pairs]]) if pairs else ():
            if (row["a"], row["b"]) in found:
                found[row["a"], row["b"]].append(row)
        return found

    def heat(self, a: int, b: int, *, rank: int, side: Side) -> tuple[Array, float]:
        """Activation map uint8 [rows cols] of one side on its own grid, and the code that 255 stands for."""
        sql = "SELECT * FROM shared_example WHERE a = ? AND b = ? AND rank = ?"
        for row in self._file.rows(sql, [a, b, rank]):
            return self.as_map(row[f"heat_{side}"], side=side), float(row[f"scale_{side}"])
        raise NotFound("shared example", f"pair {a}, {b}, rank {rank}")

    def as_map(self, blob: bytes, *, side: Side) -> Array:
        """A stored map as uint8 [rows cols] of that side's grid."""
        grid = self.sides[side].grid
        return np.frombuffer(blob, dtype=np.uint8).reshape(grid.rows, grid.cols)

    def image(self, image_id: str) -> Row:
        """One evidence image without its thumbnail; raises ``NotFound``."""
        return self._image("SELECT * EXCLUDE (thumbnail) FROM image WHERE id = ?", image_id)

    def thumbnail(self, image_id: str) -> bytes:
        """WebP of an evidence image; raises ``NotFound``."""
        return bytes(self._image("SELECT thumbnail FROM image WHERE id = ?", image_id)["thumbnail"])

    def _image(self, sql: str, image_id: str) -> Row:
        for row in self._file.rows(sql, [image_id]):
            return row
        raise NotFound("image", image_id, remedy="This alignment does not show it as evidence.")
