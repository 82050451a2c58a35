"""A collection's file: its images, their thumbnails, and the files that could not be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.artifacts import Artifact
from store.duck import Column, DuckFile, DuckWriter, Schema, Table
from store.errors import NotFound
from store.vocabulary import Split

FILE = "collection.duckdb"

SCHEMA = Schema(
    "collection",
    1,
    (
        Table(
            "image",
            "distinct image",
            ("image",),
            (
                Column("image", "INTEGER", "index from 0", "position of the image in this collection"),
                Column(
                    "id", "VARCHAR", "16 hexadecimal digits", "start of the file's SHA-256: the image's public name"
                ),
                Column("source", "VARCHAR", "relative path", "file below the ingested folder"),
                Column("sha256", "VARCHAR", "hexadecimal", "SHA-256 of the file"),
                Column("width", "INTEGER", "px", "width after EXIF orientation"),
                Column("height", "INTEGER", "px", "height after EXIF orientation"),
                Column("class", "VARCHAR", "name or NULL", "class, if the collection has classes"),
                Column("split", "VARCHAR", "train, held_out", "whether dictionaries learn from it or are judged by it"),
                Column("dhash", "UBIGINT", "64 bits", "difference hash, for near duplicates"),
                Column("thumbnail", "BLOB", "WebP", "thumbnail, never larger than the photo"),
                Column("thumbnail_width", "INTEGER", "px", "width of the thumbnail"),
                Column("thumbnail_height", "INTEGER", "px", "height of the thumbnail"),
            ),
        ),
        Table(
            "duplicate",
            "file that repeats an image",
            ("source",),
            (
                Column("source", "VARCHAR", "relative path", "the repeating file"),
                Column("image", "INTEGER", "index", "the image it repeats"),
                Column("kind", "VARCHAR", "exact, near", "same bytes and set aside, or alike and kept"),
                Column("distance", "INTEGER", "bits", "Hamming distance of the difference hashes; 0 when exact"),
            ),
        ),
        Table(
            "damaged",
            "file that was skipped",
            ("source",),
            (
                Column("source", "VARCHAR", "relative path", "the skipped file"),
                Column("reason", "VARCHAR", "text", "why, in words"),
            ),
        ),
    ),
)


@dataclass(frozen=True)
class ImageRow:
    """One image of a collection, without its thumbnail."""

    image: int
    id: str
    source: str
    width: int
    height: int
    class_name: str | None
    split: Split


@dataclass(frozen=True)
class Thumbnail:
    """A small WebP of an image."""

    webp: bytes
    width: int
    height: int


def make_writer(path: Path) -> DuckWriter:
    """A writer of a new collection file."""
    return DuckWriter(path, SCHEMA)


class Collection:
    """A published collection, read-only."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.spec: dict[str, Any] = artifact.manifest.spec
        self._file = DuckFile(artifact.file(FILE), SCHEMA)
        self.images = tuple(_image_rows(self._file))

    @property
    def digest(self) -> str:
        """Address of the artifact."""
        return self.artifact.digest

    def class_places(self) -> tuple[list[str], list[int]]:
        """Class names in order, and for each image the place of its class among them, -1 for none."""
        names = sorted({row.class_name for row in self.images if row.class_name is not None})
        place: dict[str | None, int] = {name: i for i, name in enumerate(names)}
        return names, [place.get(row.class_name, -1) for row in self.images]

    def split_images(self, split: Split) -> list[int]:
        """The images of a split."""
        return [row.image for row in self.images if row.split is split]

    def thumbnail(self, image: int) -> Thumbnail:
        """The thumbnail of an image; raises ``NotFound``."""
        sql = "SELECT thumbnail, thumbnail_width, thumbnail_height FROM image WHERE image = ?"
        for row in self._file.rows(sql, [image]):
            return Thumbnail(row["thumbnail"], row["thumbnail_width"], row["thumbnail_height"])
        raise NotFound("image", str(image), remedy=f"This collection has the images 0 to {len(self.images) - 1}.")

    def duplicates(self) -> list[dict[str, Any]]:
        """Files that repeat an image, exactly or nearly."""
        return self._file.rows("SELECT * FROM duplicate ORDER BY source")

    def damaged(self) -> list[dict[str, Any]]:
        """Skipped files with the reason."""
        return self._file.rows("SELECT * FROM damaged ORDER BY source")


def _image_rows(file: DuckFile) -> Iterator[ImageRow]:
    sql = "SELECT image, id, source, width, height, class, split FROM image ORDER BY image"
    for row in file.rows(sql):
        yield ImageRow(
            row["image"], row["id"], row["source"], row["width"], row["height"], row["class"], Split(row["split"])
        )
