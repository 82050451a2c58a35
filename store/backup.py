"""A copy of a store that is in use: databases as they stand at one moment each, artifacts that never change."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from store.errors import InvalidInput, NotFound
from store.settings import Settings
from store.vocabulary import Kind

_DATABASES = ("catalog.sqlite", "jobs.sqlite")


def back_up(settings: Settings, target: Path) -> int:
    """Copy the store of one machine into a folder that is empty or not there; returns the bytes copied.

    Workers and the web program may go on meanwhile. The catalog is copied before the artifacts, so that whatever it
    names is among them; drafts and caches are left out. Raises ``NotFound`` for a store that is not there, and
    ``InvalidInput`` for a store whose catalog or artifacts live elsewhere, and for a folder that is not empty.
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
    for kind in Kind:
        if (settings.store / kind).is_dir():
            shutil.copytree(settings.store / kind, target / kind, ignore=_unfinished)
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def _unfinished(_folder: str, names: list[str]) -> set[str]:
    return {".drafts", ".damaged", ".shared", ".trash"}.intersection(names)
