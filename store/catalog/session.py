"""The catalog: one transaction at a time over a database whose schema fits the code."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session, sessionmaker

from store.catalog.engine import told_in_words
from store.catalog.versions import open_current


class Catalog:
    """Sessions over one database.

    Raises ``Unavailable`` when it does not answer or has to be migrated first, ``NewerFormat`` when it was migrated by
    a later version, ``InvalidInput`` for a URL that can't be a catalog.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_current(url)
        self._session = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error."""
        with told_in_words(self.engine.url), self._session.begin() as session:
            yield session

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()
