"""Writes a bundle: equal dictionaries give equal bytes."""

import hashlib
import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from store.artifacts import Artifact, Artifacts, FileEntry
from store.artifacts.faults import told_in_words
from store.atlas.schema import FILE, SCHEMA
from store.bundles.card import make_card
from store.bundles.facts import CARD, FACTS, BundleFacts, CollectionFacts, LearnedFacts, ModelFacts
from store.catalog.comparisons import metrics_of
from store.catalog.dictionaries import get_dictionary
from store.catalog.session import Catalog
from store.duck import DuckFile
from store.errors import InvalidInput, NotFound
from store.universal import artifact_kind
from store.vocabulary import Kind

TAR: Final = ".tar"
Put = Callable[[str, int, IO[bytes]], None]
"""Takes a path in the bundle, a size, and the content."""


def export_bundle(slug: str, target: Path, *, artifacts: Artifacts, catalog: Catalog) -> BundleFacts:
    """Write the bundle of a dictionary: one file where ``target`` ends with .tar, else a folder.

    It appears whole or not at all. Raises ``NotFound`` for an unknown dictionary and one without an atlas,
    ``InvalidInput`` where something is already, ``Damaged`` when a file is not what it should be, ``Unavailable``.
    """
    if target.exists():
        raise InvalidInput(f"There is something at '{target}' already: choose another place for the bundle.")
    facts, parts, card = _gathered(slug, artifacts=artifacts, catalog=catalog)
    parent = target.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.part")
    _remove(fresh)
    try:
        with told_in_words(parent), _tar(fresh) if target.suffix == TAR else _folder(fresh) as put:
            put(FACTS, len(facts.as_bytes()), io.BytesIO(facts.as_bytes()))
            put(CARD, len(card), io.BytesIO(card))
            for part in parts:
                for name, entry in sorted(part.manifest.files.items()):
                    with part.file(name).open("rb") as file:
                        put(f"{part.kind}/{part.digest}/{name}", entry.n_bytes, file)
        fresh.rename(target)
    finally:
        _remove(fresh)
    return facts


def _gathered(slug: str, *, artifacts: Artifacts, catalog: Catalog) -> tuple[BundleFacts, list[Artifact], bytes]:
    with catalog.session() as session:
        row = get_dictionary(session, slug)
        if row.atlas is None:
            raise NotFound("atlas of dictionary", slug, remedy=f"Make it with `conceptoscope atlas {slug}`.")
        model = ModelFacts(slug=row.model.slug, title=row.model.title, facts=row.model.facts)
        shown = row.collection
        collection = CollectionFacts(slug=shown.slug, title=shown.title, digest=shown.digest, n_images=shown.n_images)
        dictionary = LearnedFacts(
            slug=row.slug,
            title=row.title,
            layer=row.layer,
            method=row.method,
            n_concepts=row.n_concepts,
            spec=row.spec,
            metrics=metrics_of(session, row),
            headline=row.atlas.headline,
        )
        addresses = [(artifact_kind(row.method), row.digest), (Kind.ATLAS, row.atlas.digest)]
    learned, atlas = parts = [artifacts.get(kind, digest) for kind, digest in addresses]
    DuckFile(atlas.file(FILE), SCHEMA).close()  # an older one would be refused wherever it is taken in
    manifests = {"learned": learned.manifest, "atlas": atlas.manifest}
    card = make_card(model, collection, dictionary, **manifests).encode()
    entry = FileEntry(sha256=hashlib.sha256(card).hexdigest(), n_bytes=len(card))
    facts = BundleFacts(model=model, collection=collection, dictionary=dictionary, card=entry, **manifests)
    return facts, parts, card


@contextmanager
def _tar(path: Path) -> Iterator[Put]:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:

        def put(name: str, n_bytes: int, content: IO[bytes]) -> None:
            member = tarfile.TarInfo(name)
            member.size, member.mode = n_bytes, 0o644
            archive.addfile(member, content)

        yield put


@contextmanager
def _folder(path: Path) -> Iterator[Put]:
    def put(name: str, _n_bytes: int, content: IO[bytes]) -> None:
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(content, file)

    yield put


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
