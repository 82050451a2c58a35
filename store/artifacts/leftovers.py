"""Leftovers: what takes space in a store and is no artifact, for the collector that decides what goes."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from os import stat_result
from pathlib import Path
from typing import Final

from store.vocabulary import Kind

DRAFT: Final = "draft"
SHARED: Final = "shared draft"
UPLOAD: Final = "upload"
SET_ASIDE: Final = "set aside"
TRASH: Final = "trash"
_MOMENT: Final = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True)
class Leftover:
    """A draft, the shared part of one, files of an upload that never became an artifact, what was set aside, or trash.

    Trash is what a removal has moved out of sight and not yet deleted.
    """

    what: str
    kind: Kind
    name: str
    """Its name among its like: a request's key for drafts, a digest for the others."""
    n_bytes: int
    changed_at: datetime
    """When it was last worked on, or moved out of sight: what is young may still be needed."""

    @property
    def address(self) -> str:
        """The key or digest alone: names may go on with a number, an ending, a moment or a file."""
        return self.name.partition(".")[0].partition("-")[0].partition("/")[0]


def folder_leftover(what: str, kind: Kind, folder: Path) -> Leftover:
    """A folder as a leftover; one that goes away meanwhile is old and empty."""
    stats = list(_stats(folder))
    changed_at = datetime.fromtimestamp(max((stat.st_mtime for stat in stats), default=0), tz=UTC)
    return Leftover(
        what=what,
        kind=kind,
        name=folder.name,
        n_bytes=sum(stat.st_size for stat in stats),
        changed_at=moved_at(folder.name) or changed_at,
    )


def _stats(folder: Path) -> Iterator[stat_result]:
    with suppress(FileNotFoundError):
        yield folder.stat()
        for path in folder.rglob("*"):
            with suppress(FileNotFoundError):
                yield path.stat()


def moved_name(name: str, *, now: datetime) -> str:
    """The name under which something is moved out of sight."""
    return f"{name}-{now:{_MOMENT}}"


def moved_at(name: str) -> datetime | None:
    """When something was moved out of sight, by its name; None for a name that does not say it."""
    try:
        return datetime.strptime(name.rpartition("-")[2], _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None
