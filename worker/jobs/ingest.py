"""Job: from a folder of photos to a collection."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from store.artifacts import Artifact, Artifacts, Draft
from store.collection import FILE, make_writer
from store.duck import DuckWriter
from store.errors import ConceptoscopeError, InvalidInput
from store.specs import CollectionSpec, digest_of
from store.vocabulary import Kind, Split
from worker.images.classes import ClassOf, find_csv, inputs_of, make_class_of
from worker.images.decode import decode, read
from worker.images.duplicates import NearDuplicates, colour_layout, dhash, find_near_duplicates
from worker.images.listing import Listing, list_photos
from worker.images.loader import in_order
from worker.images.splits import split_images
from worker.images.thumbnail import encode_webp, shrink
from worker.progress import OnProgress, Throttle, silent

log = logging.getLogger(__name__)

_SPOOL = ".thumbnails"  # hidden files of a draft are not published
_ROWS = 2048


@dataclass(frozen=True, slots=True)
class _Photo:
    """What one usable file gave; its thumbnail waits in the spool once ``webp`` is taken out."""

    source: str
    sha256: str
    size: tuple[int, int]
    dhash: int
    layout: bytes
    webp_bytes: int
    thumbnail_size: tuple[int, int]


@dataclass(frozen=True)
class _Found:
    """All files of a folder, told apart. ``repeats`` pairs a file with the index of the photo it repeats."""

    photos: list[_Photo]
    repeats: list[tuple[str, int]]
    unusable: list[tuple[str, str]]

    @property
    def digest(self) -> str:
        """SHA-256 of all names with what their files hold, or why they cannot be used."""
        photos = [(photo.source, photo.sha256) for photo in self.photos]
        repeats = [(name, self.photos[first].sha256) for name, first in self.repeats]
        return digest_of({"files": sorted(photos + repeats), "unusable": sorted(self.unusable)})


def ingest(folder: Path, spec: CollectionSpec, artifacts: Artifacts, *, on_progress: OnProgress = silent) -> Artifact:
    """A collection of the photos below a folder, built once for each state of the folder.

    Exact repeats are set aside, near ones noted and kept in one split, damaged files listed with the reason and
    skipped. Equal names and contents give an equal digest, wherever and whenever the files were written; equal names,
    sizes and times are enough to know that nothing has changed. Interrupted, it starts anew; nothing half is ever
    visible. Raises ``InvalidInput`` for a folder without a usable photo, naming counts and reasons.
    """
    tell = Throttle(on_progress)
    listing = list_photos(
        folder, besides=artifacts.root, on_found=lambda n: tell(0, 1, f"looking for photos: {n:,} found")
    )
    labels, request = inputs_of(find_csv(spec.classes, folder)), _without_machine_paths(spec)
    seen = {"listing": listing.digest, **labels}
    built = artifacts.find(Kind.COLLECTION, request, inputs=seen)
    if built is not None:
        return built
    with artifacts.draft(Kind.COLLECTION, request, inputs=seen) as draft:
        if draft.found is not None:
            return draft.found
        draft.clear()
        class_of = make_class_of(spec.classes, folder, files=tuple(name for name, _, _ in listing.files))
        spool_path = draft.path / _SPOOL
        with spool_path.open("w+b") as spool:
            found = _look_at_all(listing, folder, spec=spec, spool=spool, on_progress=on_progress)
            _check_usable(found, folder)
            spool.seek(0)
            _write(draft, found, spec=spec, class_of=class_of, spool=spool, on_progress=on_progress)
        spool_path.unlink()
        return artifacts.publish(draft, inputs={"photos": found.digest, **labels})


def _without_machine_paths(spec: CollectionSpec) -> CollectionSpec:
    """The same request on another machine must have the same digest: of a CSV only the name is kept."""
    if spec.classes.csv is None:
        return spec
    classes = spec.classes.model_copy(update={"csv": Path(spec.classes.csv).name})
    return spec.model_copy(update={"classes": classes})


def _look_at_all(
    listing: Listing, folder: Path, *, spec: CollectionSpec, spool: BinaryIO, on_progress: OnProgress
) -> _Found:
    """Decode every file in parallel, in the listing's order; memory holds a few hundred bytes per photo."""
    found = _Found([], [], list(listing.unusable))
    first: dict[str, int] = {}
    total, tell = len(listing.files), Throttle(on_progress)
    names = [name for name, _, _ in listing.files]
    for done, (name, result) in enumerate(
        zip(names, in_order(lambda name: _look_at(folder, name, spec=spec), names), strict=True), start=1
    ):
        tell(done, total, name)
        if isinstance(result, str):
            found.unusable.append((name, result))
            continue
        photo, webp = result
        if photo.sha256 in first:
            found.repeats.append((name, first[photo.sha256]))
            continue
        first[photo.sha256] = len(found.photos)
        found.photos.append(photo)
        spool.write(webp)
    return found


def _look_at(folder: Path, name: str, *, spec: CollectionSpec) -> tuple[_Photo, bytes] | str:
    """One file's photo and thumbnail, or why it cannot be used. The text names no folder: it is part of the digest."""
    try:
        content = read(folder / name, max_bytes=spec.max_bytes)
        image = decode(content, max_pixels=spec.max_pixels, max_bytes=spec.max_bytes, name=Path(name).name)
    except ConceptoscopeError as fault:
        return str(fault)
    small = shrink(image, spec.thumbnail_px)
    webp = encode_webp(small)
    layout = colour_layout(small).tobytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return _Photo(name, sha256, image.size, dhash(small), layout, len(webp), small.size), webp


def _check_usable(found: _Found, folder: Path) -> None:
    if found.photos:
        return
    if not found.unusable:
        raise InvalidInput(
            f"No photos in '{folder}' or its sub-folders (0 files). "
            "Give a folder with JPEG, PNG, WebP, GIF, BMP or TIFF files."
        )
    reasons = "; ".join(reason for _, reason in found.unusable[:3])
    raise InvalidInput(
        f"None of the {len(found.unusable)} photo file(s) in '{folder}' can be used: {reasons}"
        f"{' And so on.' if len(found.unusable) > 3 else ''} Give a folder with readable photos."
    )


def _write(
    draft: Draft, found: _Found, *, spec: CollectionSpec, class_of: ClassOf, spool: BinaryIO, on_progress: OnProgress
) -> None:
    photos, total = found.photos, len(found.photos)
    tell = Throttle(on_progress)
    near = find_near_duplicates(
        np.array([photo.dhash for photo in photos], dtype=np.uint64),
        np.frombuffer(b"".join(photo.layout for photo in photos), np.uint8).reshape(total, -1),
        on_progress=lambda: tell(0, total, "comparing photos"),
    )
    splits = split_images([photo.sha256 for photo in photos], near.group, held_out=spec.held_out, seed=spec.seed)
    with make_writer(draft.path / FILE) as writer:
        for start in range(0, total, _ROWS):
            on_progress(start, total, "writing the collection")
            rows = range(start, min(start + _ROWS, total))
            _write_images(writer, rows, photos=photos, splits=splits, class_of=class_of, spool=spool)
        _write_duplicates(writer, found, near)
        writer.append("damaged", _columns(("source", "reason"), sorted(found.unusable)))
        draft.contents[FILE] = writer.content_sha256
    on_progress(total, total, "writing the collection")


def _write_images(
    writer: DuckWriter,
    rows: range,
    *,
    photos: list[_Photo],
    splits: list[Split],
    class_of: ClassOf,
    spool: BinaryIO,
) -> None:
    block = [photos[i] for i in rows]
    writer.append(
        "image",
        {
            "image": np.array(rows, dtype=np.int32),
            "id": [photo.sha256[:16] for photo in block],
            "source": [photo.source for photo in block],
            "sha256": [photo.sha256 for photo in block],
            "width": [photo.size[0] for photo in block],
            "height": [photo.size[1] for photo in block],
            "class": [class_of(photo.source) for photo in block],
            "split": [splits[i].value for i in rows],
            "dhash": np.array([photo.dhash for photo in block], dtype=np.uint64),
            "thumbnail": [spool.read(photo.webp_bytes) for photo in block],
            "thumbnail_width": [photo.thumbnail_size[0] for photo in block],
            "thumbnail_height": [photo.thumbnail_size[1] for photo in block],
        },
    )


def _write_duplicates(writer: DuckWriter, found: _Found, near: NearDuplicates) -> None:
    exact = [(source, image, "exact", 0) for source, image in found.repeats]
    alike = [
        (found.photos[i].source, int(near.repeats[i]), "near", int(near.distance[i]))
        for i in np.flatnonzero(near.repeats >= 0)
    ]
    writer.append("duplicate", _columns(("source", "image", "kind", "distance"), sorted(exact + alike)))


def _columns(names: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}
