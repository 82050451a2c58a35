"""Collections in the catalog."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.catalog.tables import Collection
from store.catalog.wanted import note_replaced
from store.errors import NotFound
from store.vocabulary import Kind


def list_collections(session: Session) -> list[Collection]:
    """All collections, by slug."""
    return list(session.scalars(select(Collection).order_by(Collection.slug)))


def get_collection(session: Session, slug: str) -> Collection:
    """The collection of that slug; raises ``NotFound`` with the near ones."""
    found = session.scalar(select(Collection).where(Collection.slug == slug))
    if found is None:
        raise NotFound("collection", slug, known=session.scalars(select(Collection.slug)))
    return found


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
