"""A copy of a store that is in use: databases as they stand at one moment each, artifacts that never change."""

import shutil
import sqlite3
from collections.abc import Set
from contextlib import closing
from pathlib import Path

from store.artifacts import Artifact, Artifacts
from store.catalog.session import Catalog
from store.catalog.wanted import list_references
from store.errors import Conflict, InvalidInput, NotFound
from store.retention import reached
from store.settings import Settings
from store.vocabulary import Kind

_DATABASES = ("catalog.sqlite", "jobs.sqlite")


def back_up(settings: Settings, target: Path) -> int:
    """Copy the store of one machine into a folder that is empty or not there; returns the bytes copied.

    Workers and the web program may go on meanwhile. The catalog is copied before the artifacts, so that whatever it
    names is among them; drafts and caches are left out. Raises ``NotFound`` for a store that is not there,
    ``InvalidInput`` for a store whose catalog or artifacts live elsewhere, and for a folder that is not empty, and
    ``Conflict`` when a collector has removed meanwhile what the copied catalog names.
    """
    if settings.database_url or settings.artifacts_url:
        raise InvalidInput(
            "The catalog or the artifacts live outside the store's folder: back them up with the tools of PostgreSQL "
            "and of the object store (docs/operations.md), the database first."
        )
    if not settings.store.is_dir():
        raise NotFound("store", str(settings.store), remedy="Give another --store.")
    if target.exists() and any(target.iterdir()):
        raise InvalidInput(f"The folder '{target}' is not empty: choose another one for the copy.")
    target.mkdir(parents=True, exist_ok=True)
    for name in _DATABASES:
        if (settings.store / name).exists():
            with closing(sqlite3.connect(settings.store / name)) as connection:
                connection.execute("VACUUM INTO ?", (str(target / name),))
    gone = _copy_artifacts(settings.store, target)
    if gone:
        _check_unneeded(gone, target)
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def _copy_artifacts(source: Path, target: Path) -> set[str]:
    """Copy artifact by artifact; gives the digests of those that were removed meanwhile. Pointers come after them."""
    gone = set()
    for kind in Kind:
        for artifact in Artifacts(source).list(kind):
            if not _is_copied(artifact.path, target / kind / artifact.digest):
                gone.add(artifact.digest)
        for pointer in (source / kind / ".keys").glob("*"):
            _is_copied(pointer, target / kind / ".keys" / pointer.name)
    return gone


def _is_copied(source: Path, target: Path) -> bool:
    """Copy a file or folder whole, or not at all when it goes away meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
    except (FileNotFoundError, shutil.Error):
        if source.exists():
            raise
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True


def _check_unneeded(gone: Set[str], target: Path) -> None:
    """Raise ``Conflict`` when the copied catalog needs what is gone, activations apart, which can be made anew."""
    catalog = Catalog(Settings(store=target).catalog_url)
    with catalog.session() as session:
        first = set().union(*list_references(session).values())
    catalog.close()
    copied = [artifact for kind in Kind for artifact in Artifacts(target).list(kind)]
    missing = gone & reached(first, {one.digest: _inputs(one) for one in copied})
    if missing:
        raise Conflict(
            f"{len(missing)} of the artifacts that the catalog needs were removed while it was copied (gc): "
            f"remove '{target}' and copy again."
        )


def _inputs(artifact: Artifact) -> set[str]:
    return {digest for name, digest in artifact.manifest.inputs.items() if name != Kind.ACTIVATIONS}
