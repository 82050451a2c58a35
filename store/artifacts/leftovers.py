"""Leftovers: what takes space in a store and is no artifact, for the collector that decides what goes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from store.vocabulary import Kind

DRAFT: Final = "draft"
SHARED: Final = "shared draft"
UPLOAD: Final = "upload"
SET_ASIDE: Final = "set aside"


@dataclass(frozen=True)
class Leftover:
    """A draft, the shared part of one, files of an upload that never became an artifact, or what was set aside."""

    what: str
    kind: Kind
    name: str
    """Its name among its like: a request's key for drafts, a digest for the others."""
    n_bytes: int
    changed_at: datetime
    """When it was last worked on: what is young may still be needed."""


def folder_leftover(what: str, kind: Kind, folder: Path) -> Leftover:
    """A folder as a leftover."""
    stats = [path.stat() for path in (folder, *folder.rglob("*")) if path.exists()]
    return Leftover(
        what=what,
        kind=kind,
        name=folder.name,
        n_bytes=sum(stat.st_size for stat in stats),
        changed_at=datetime.fromtimestamp(max(stat.st_mtime for stat in stats), tz=UTC),
    )
