"""Collections in the catalog."""

from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.catalog.tables import Collection
from store.catalog.wanted import note_replaced
from store.errors import NotFound
from store.vocabulary import Kind

_UNMARKED: Final = 55  # characters of a slug that stay beside a mark


def list_collections(session: Session) -> list[Collection]:
    """All collections, by slug."""
    return list(session.scalars(select(Collection).order_by(Collection.slug)))


def get_collection(session: Session, slug: str) -> Collection:
    """The collection of that slug; raises ``NotFound`` with the near ones."""
    found = session.scalar(select(Collection).where(Collection.slug == slug))
    if found is None:
        raise NotFound("collection", slug, known=session.scalars(select(Collection.slug)))
    return found


def take_collection(session: Session, slug: str, *, title: str, digest: str, n_images: int) -> Collection:
    """The row of a collection that came from elsewhere; another one of that name stays, and this one is marked."""
    found = session.scalar(select(Collection).where(Collection.digest == digest).order_by(Collection.id))
    if found is not None:
        return found
    if session.scalar(select(Collection).where(Collection.slug == slug)) is not None:
        slug = f"{slug[:_UNMARKED]}-{digest[:8]}"
    return save_collection(session, slug, title=title, digest=digest, folder=None, n_images=n_images)


def save_collection(
    session: Session, slug: str, *, title: str, digest: str, folder: Path | None, n_images: int
) -> Collection:
    """Record a collection, or point its slug to a new build."""
    row = session.scalar(select(Collection).where(Collection.slug == slug)) or Collection(slug=slug)
    note_replaced(session, Kind.COLLECTION, row.digest, new=digest)
    row.title, row.digest, row.n_images = title, digest, n_images
    row.folder = str(folder.absolute()) if folder else row.folder
    session.add(row)
    session.flush()
    return row
