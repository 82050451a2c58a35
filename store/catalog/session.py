"""The catalog: one transaction at a time over a database whose schema fits the code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy

from sqlalchemy.orm import Session, sessionmaker

from store.catalog.engine import CatalogUnavailable, told_in_words
from store.catalog.versions import check_current, open_current

__all__ = ["Catalog", "CatalogUnavailable", "Session"]


class Catalog:
    """Sessions over one database.

    Raises ``Unavailable`` when it does not answer or has to be migrated first, ``NewerFormat`` when it was migrated by
    a later version, ``InvalidInput`` for a URL that can't be a catalog.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_current(url)
        self._session = sessionmaker(self.engine, expire_on_commit=False)
        self._first: Callable[[Session], None] = lambda _: None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error.

        Raises ``CatalogUnavailable`` when the database does not answer.
        """
        with told_in_words(self.engine.url), self._session.begin() as session:
            self._first(session)
            yield session

    def check(self) -> str:
        """The migration that the database is at now; raises as opening does."""
        return check_current(self.engine)

    def guarded(self, first: Callable[[Session], None]) -> "Catalog":
        """The same catalog for one whose right to write may end: ``first`` runs at the start of each transaction."""
        guarded = copy(self)
        guarded._first = first
        return guarded

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()
