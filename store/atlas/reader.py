"""Reads an atlas: scalar columns of all concepts in memory, evidence of one concept or image from the file."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from store.artifacts import Artifact
from store.atlas.charting import Charting
from store.atlas.firings import firings
from store.atlas.nearest import nearest_images
from store.atlas.outputs import (
    Importances,
    alike,
    groups_of,
    images_of,
    images_of_groups,
    importances,
    output_on,
    outputs_of,
    outputs_with,
    summaries,
)
from store.atlas.ranges import Range, kept_means, least_means, mean_slopes
from store.atlas.schema import CONCEPT, FILE, SCHEMA
from store.atlas.stream import Stream, make_stream
from store.duck import DuckFile, Table, filled
from store.errors import NotFound
from store.grid import Box, seen_by_all
from store.vocabulary import Band

Row = dict[str, Any]
Array = np.ndarray[Any, Any]
_ROW_LIMIT = 10_000


class Atlas:
    """An atlas opened read-only; safe to share between threads."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self._file = DuckFile(artifact.file(FILE), SCHEMA)
        self.columns: dict[str, Array] = self._load_columns()

    def lacking(self, table: Table) -> frozenset[str]:
        """Columns of a table that are younger than the file; all of them where the table is."""
        return frozenset(one.name for one in table.columns) - self._file.columns_of(table.name)

    @property
    def digest(self) -> str:
        """Address of the atlas."""
        return self.artifact.digest

    @property
    def n_concepts(self) -> int:
        """Number of concepts, dead ones included."""
        return len(self.columns["concept"])

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    @property
    def charting(self) -> Charting:
        """What the map is made of beside the columns."""
        return Charting(self._file)

    @cached_property
    def meta(self) -> dict[str, Any]:
        """All facts: provenance, spec, metrics, training history."""
        return {row["key"]: json.loads(row["value"]) for row in self._file.rows("SELECT key, value FROM meta")}

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The streams with their geometry."""
        return tuple(make_stream(row) for row in self._file.rows("SELECT * FROM stream ORDER BY stream"))

    @property
    def is_universal(self) -> bool:
        """Whether stream 0 is the mean of other streams."""
        return self.streams[0].is_mean

    @property
    def model_streams(self) -> tuple[Stream, ...]:
        """The streams of one model and layer each."""
        return tuple(stream for stream in self.streams if not stream.is_mean)

    def seen(self, *, width: int, height: int) -> Box:
        """The part of a photo of that size that the grid tiles: what the windows of all streams show of it."""
        windows = [stream.window for stream in self.streams if stream.window is not None]
        return seen_by_all(windows, width=width, height=height)

    @cached_property
    def classes(self) -> tuple[Row, ...]:
        """Classes with their number of images, by name."""
        return tuple(self._file.rows("SELECT * FROM class ORDER BY class"))

    @cached_property
    def image_index(self) -> dict[str, int]:
        """Index of each evidence image by its public id."""
        return {row["id"]: row["image"] for row in self._file.rows("SELECT id, image FROM image ORDER BY image")}

    def check(self, concept: int) -> int:
        """The concept's index; raises ``NotFound`` that names the valid range."""
        if not 0 <= concept < self.n_concepts:
            raise NotFound(
                "concept", str(concept), remedy=f"This dictionary has the concepts 0 to {self.n_concepts - 1}."
            )
        return concept

    def concept(self, concept: int) -> Row:
        """All scalar columns of one concept; absent values are None."""
        self.check(concept)
        return {name: _plain(values[concept]) for name, values in self.columns.items()}

    def examples(self, concept: int, band: Band, *, stream: int = 0, limit: int = 64) -> list[Row]:
        """Examples of a band with their image's id, size and class, strongest first."""
        return self.examples_of(concept, (band,), stream=stream, limit=limit)[band]

    def examples_of(
        self, concept: int, bands: Sequence[Band], *, stream: int = 0, limit: int = 64
    ) -> dict[Band, list[Row]]:
        """The same for several bands at once: one query costs less than one for each."""
        found: dict[Band, list[Row]] = {band: [] for band in bands}
        for row in self._examples(concept, bands, streams=(stream, stream), limit=limit):
            found[Band(row["band"])].append(row)
        return found

    def examples_by_stream(
        self, concept: int, bands: Sequence[Band], *, limit: int = 64
    ) -> dict[Band, dict[int, list[Row]]]:
        """The examples of each band as every stream sees them: by stream, the same images in the same order."""
        found: dict[Band, dict[int, list[Row]]] = {
            band: {stream.stream: [] for stream in self.streams} for band in bands
        }
        for row in self._examples(concept, bands, streams=(0, len(self.streams) - 1), limit=limit):
            found[Band(row["band"])][row["stream"]].append(row)
        return found

    def strongest(self, concepts: Sequence[int], *, limit: int, stream: int = 0) -> list[Row]:
        """The first examples of the band ``top`` of several concepts, with their image's id, size and class."""
        sql = """
            SELECT e.*, i.id, i.width, i.height, i.class, i.thumbnail_width, i.thumbnail_height
            FROM example e JOIN image i USING (image)
            WHERE e.concept IN (SELECT unnest(?)) AND e.stream = ? AND e.band = 'top' AND e.rank < ?
            ORDER BY e.concept, e.rank
        """
        return self._file.rows(sql, [list(concepts), stream, limit]) if concepts else []

    def maps_on(self, pairs: Sequence[tuple[int, str]], *, stream: int = 0) -> dict[tuple[int, str], Row]:
        """Peak, map and scale of concepts on images, by (concept, image's id); only of those that are examples."""
        numbers = {self.image_index[image]: image for _, image in pairs if image in self.image_index}
        sql = """
            SELECT concept, image, value, heat, heat_scale FROM example
            WHERE concept IN (SELECT unnest(?)) AND stream = ? AND image IN (SELECT unnest(?))
        """
        wanted, concepts = set(pairs), list({concept for concept, _ in pairs})
        rows = self._file.rows(sql, [concepts, stream, list(numbers)]) if numbers else []
        found = {(row["concept"], numbers[row["image"]]): row for row in rows}
        return {key: row for key, row in found.items() if key in wanted}

    def sprite(self, concept: int, band: Band, *, stream: int = 0) -> Row:
        """Crops (WebP), heat (PNG) and number of crops; raises ``NotFound`` for a concept without examples."""
        sql = "SELECT n, crops, heat FROM sprite WHERE concept = ? AND stream = ? AND band = ?"
        for row in self._file.rows(sql, [self.check(concept), stream, band.value]):
            return row
        raise NotFound("sprite", f"concept {concept}, band {band}", remedy="The concept has no example in this band.")

    def heat(self, concept: int, band: Band, *, rank: int, stream: int = 0) -> tuple[Array, float]:
        """Activation map uint8 [rows cols] of one example and the code that 255 stands for."""
        sql = "SELECT heat, heat_scale FROM example WHERE concept = ? AND stream = ? AND band = ? AND rank = ?"
        for row in self._file.rows(sql, [self.check(concept), stream, band.value, rank]):
            return self.as_map(row["heat"], stream=stream), float(row["heat_scale"])
        raise NotFound("example", f"concept {concept}, band {band}, rank {rank}")

    def histograms_of(self, concept: int, *, stream: int = 0) -> dict[str, Row]:
        """Edges, counts and the number of zeros, of patches and of image peaks; nothing of a silent concept."""
        sql = "SELECT * FROM histogram WHERE concept = ? AND stream = ?"
        return {row["of"]: row for row in self._file.rows(sql, [self.check(concept), stream])}

    def histograms(self, concepts: Sequence[int], of: str, *, stream: int = 0) -> dict[int, Row]:
        """The same of several concepts; silent ones have none."""
        sql = "SELECT * FROM histogram WHERE concept IN (SELECT unnest(?)) AND stream = ? AND of = ?"
        rows = self._file.rows(sql, [list(concepts), stream, of]) if concepts else []
        return {row["concept"]: row for row in rows}

    def stream_concepts(self, concept: int) -> list[Row]:
        """The concept in each stream of a universal dictionary, in their order; empty when there is one stream."""
        sql = "SELECT * FROM stream_concept WHERE concept = ? ORDER BY stream"
        return self._file.rows(sql, [self.check(concept)])

    def stream_columns(self, stream: int) -> dict[str, Array]:
        """Density, energy and largest code of all concepts for one model of a universal dictionary."""
        sql = "SELECT density, energy, max FROM stream_concept WHERE stream = ? ORDER BY concept"
        return {name: filled(values) for name, values in self._file.columns(sql, [stream]).items()}

    def firing_shares(self) -> Array:
        """Each concept's firings by stream ``[K M]``, rows with the sum 1; NaN where it never fires."""
        found = self._file.columns("SELECT firing_share FROM stream_concept ORDER BY concept, stream")
        return filled(found["firing_share"]).reshape(self.n_concepts, -1)

    def cofire(self, concept: int) -> list[Row]:
        """The concept in each two streams: how often both fire at one place, and how alike their codes are."""
        sql = "SELECT * FROM cofire WHERE concept = ? ORDER BY source, target"
        return self._file.rows(sql, [self.check(concept)])

    def cross_r2(self) -> list[Row]:
        """How much of each stream the codes of each stream reconstruct, by source and target."""
        return self._file.rows("SELECT * FROM cross_r2 ORDER BY source, target")

    def position(self, concept: int, *, stream: int = 0) -> tuple[Array, float]:
        """Mean activation map uint8 [rows cols] and the code that 255 stands for."""
        sql = "SELECT heat, scale FROM position WHERE concept = ? AND stream = ?"
        for row in self._file.rows(sql, [self.check(concept), stream]):
            return self.as_map(row["heat"], stream=stream), float(row["scale"])
        raise NotFound("position prior of concept", str(concept))

    def neighbors(self, concept: int, *, limit: int = 20) -> list[Row]:
        """Neighbours of every kind, nearest first."""
        sql = (
            "SELECT concept, kind, rank, other, value FROM neighbor WHERE concept = ? AND rank < ? ORDER BY kind, rank"
        )
        return self._file.rows(sql, [self.check(concept), limit])

    def class_table(self, concept: int) -> list[Row]:
        """The concept's answer to each class, largest share first."""
        sql = """
            SELECT k.*, c.n_images FROM class_concept k JOIN class c USING (class)
            WHERE concept = ? ORDER BY share DESC, class
        """
        return self._file.rows(sql, [self.check(concept)])

    def head_classes(self) -> list[Row]:
        """Classes that the model predicts, those of most images first; empty where the head is not exact."""
        return self._file.rows("SELECT * FROM head_class ORDER BY n_images DESC, output")

    def head_class(self, output: int) -> Row:
        """One predicted class; raises ``NotFound``."""
        for row in self._file.rows("SELECT * FROM head_class WHERE output = ?", [output]):
            return row
        raise NotFound("predicted class", str(output), remedy="The model names it first for too few images.")

    def head_concepts(self, output: int) -> list[Row]:
        """The concepts that matter for a predicted class, from what speaks most for it to what speaks against it."""
        return self._file.rows("SELECT * FROM head_concept WHERE output = ? ORDER BY rank", [output])

    def head_curves(self, output: int) -> list[Row]:
        """Insertion and deletion curves of a predicted class, step by step."""
        return self._file.rows("SELECT * FROM head_curve WHERE output = ? ORDER BY walk, ordering, step", [output])

    @cached_property
    def outputs(self) -> tuple[Row, ...]:
        """The same classes with summaries; see ``store/atlas/outputs.py``."""
        return tuple(summaries(self._file))

    @cached_property
    def _importances(self) -> Importances:
        return importances(self._file)

    def outputs_alike(self, output: int) -> dict[int, float]:
        """Predicted classes for which the same concepts speak, with how much so."""
        return alike(self._importances, output)

    def output_images(self, chosen: Sequence[int], *, limit: int = 32) -> list[Row]:
        """Images kept of predicted classes, by class and probability."""
        return images_of(self._file, chosen, limit=limit)

    def output_on(self, image: int) -> Row | None:
        """The predicted class that keeps an image, by its index in the collection, with its score there."""
        return output_on(self._file, image)

    def output_groups(self, output: int) -> list[Row]:
        """The collection's classes among the images of a predicted class, the largest first."""
        return groups_of(self._file, output)

    def group_outputs(self, names: Sequence[str]) -> list[Row]:
        """The predicted classes among the images of some of the collection's classes, by class, the largest first."""
        return outputs_of(self._file, names)

    @cached_property
    def mean_slopes(self) -> Range:
        """By how much a mean code of 1 changes the mean logit of all classes; see ``store/atlas/ranges.py``."""
        return mean_slopes(self._file, n_concepts=self.n_concepts)

    def kept_means(self, images: Sequence[int], concepts: Sequence[int]) -> list[Row]:
        """Mean codes that are kept of concepts on images, by their index in the collection."""
        return kept_means(self._file, images, concepts)

    def least_means(self, images: Sequence[int]) -> dict[int, float]:
        """The smallest kept mean code of each image relative to its concept's max."""
        return least_means(self._file, images)

    def class_images(self, names: Sequence[str], *, limit: int) -> list[Row]:
        """The first evidence images of some classes of the collection."""
        return images_of_groups(self._file, names, limit=limit)

    def concept_outputs(self, concept: int) -> list[Row]:
        """Predicted classes for which a concept matters, by the size of its contrast."""
        return outputs_with(self._file, self.check(concept))

    def badges(self, concept: int) -> list[Row]:
        """The concept's warnings with their evidence."""
        return self._file.rows("SELECT * FROM badge WHERE concept = ? ORDER BY badge", [self.check(concept)])

    def badge_counts(self) -> dict[str, int]:
        """Number of concepts per warning."""
        return {r["badge"]: r["n"] for r in self._file.rows("SELECT badge, count(*) AS n FROM badge GROUP BY badge")}

    def image(self, image_id: str) -> Row:
        """One evidence image without its thumbnail; raises ``NotFound``."""
        sql = "SELECT * EXCLUDE (thumbnail) FROM image WHERE image = ?"
        return self._file.rows(sql, [self._image(image_id)])[0]

    def images(self, *, limit: int = _ROW_LIMIT) -> list[Row]:
        """Evidence images without thumbnails, in the collection's order."""
        return self._file.rows("SELECT * EXCLUDE (thumbnail) FROM image ORDER BY image LIMIT ?", [limit])

    def thumbnail(self, image_id: str) -> bytes:
        """WebP of an evidence image; raises ``NotFound``."""
        sql = "SELECT thumbnail FROM image WHERE image = ?"
        return bytes(self._file.rows(sql, [self._image(image_id)])[0]["thumbnail"])

    def image_concepts(self, image_id: str, *, stream: int = 0) -> list[Row]:
        """The image's strongest concepts, by rank."""
        sql = "SELECT * FROM image_concept WHERE image = ? AND stream = ? ORDER BY rank"
        return self._file.rows(sql, [self._image(image_id), stream])

    def firings(self, concepts: Sequence[int]) -> list[Row]:
        """Images on which any of some concepts is recorded as firing, with each one's peak there."""
        return firings(self._file, concepts)

    def nearest_images(self, pooled: Mapping[int, float], *, stream: int = 0, limit: int = 12) -> list[Row]:
        """Evidence images with the most similar concepts, given mean codes over a photo's patches; see ``nearest``."""
        for concept in pooled:
            self.check(concept)
        return nearest_images(self._file, pooled, stream=stream, limit=limit)

    def patch_codes(self, image_id: str, *, stream: int = 0) -> tuple[Array, Array]:
        """Concept indices uint32 and codes float16, both [rows cols n_top], strongest first; 0 = empty slot."""
        self._image(image_id)
        for codes in self.codes_on((image_id,), stream=stream).values():
            return codes
        raise NotFound("patch codes of image", image_id)

    def codes_on(self, images: Sequence[str], *, stream: int = 0) -> dict[str, tuple[Array, Array]]:
        """The same of several images, by their ids; those that the atlas does not show are left out."""
        numbers = {self.image_index[image]: image for image in images if image in self.image_index}
        grid = self.streams[stream].grid
        sql = """
            SELECT image, n_top, concepts, values FROM patch_code
            WHERE image IN (SELECT unnest(?)) AND stream = ?
        """
        found = {}
        for row in self._file.rows(sql, [list(numbers), stream]) if numbers else ():
            shape = (grid.rows, grid.cols, row["n_top"])
            concepts = np.frombuffer(row["concepts"], dtype="<u4").reshape(shape)
            found[numbers[row["image"]]] = concepts, np.frombuffer(row["values"], dtype="<f2").reshape(shape)
        return found

    def as_map(self, blob: bytes, *, stream: int = 0) -> Array:
        """A stored map as uint8 [rows cols]."""
        grid = self.streams[stream].grid
        return np.frombuffer(blob, dtype=np.uint8).reshape(grid.rows, grid.cols)

    def _examples(self, concept: int, bands: Sequence[Band], *, streams: tuple[int, int], limit: int) -> list[Row]:
        sql = """
            SELECT e.*, i.id, i.width, i.height, i.class, i.split, i.source, i.thumbnail_width, i.thumbnail_height
            FROM example e JOIN image i USING (image)
            WHERE e.concept = ? AND e.stream BETWEEN ? AND ? AND e.band IN (SELECT unnest(?)) AND e.rank < ?
            ORDER BY e.rank
        """
        return self._file.rows(sql, [self.check(concept), *streams, [band.value for band in bands], limit])

    def _image(self, image_id: str) -> int:
        found = self.image_index.get(image_id)
        if found is None:
            raise NotFound("image", image_id, remedy="This atlas does not show it as evidence.")
        return found

    def _load_columns(self) -> dict[str, Array]:
        found = self._file.columns("SELECT * FROM concept ORDER BY concept")
        none = np.full(len(found["concept"]), np.nan)
        return {one.name: filled(found.get(one.name, none)) for one in CONCEPT.columns}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value
