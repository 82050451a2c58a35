"""What tests of annotations share."""

from collections.abc import Iterator
from contextlib import contextmanager

from store.annotations import ConceptKey
from store.catalog.session import Catalog

FIN = ConceptKey("d" * 64, 7)


@contextmanager
def opened(url: str) -> Iterator[Catalog]:
    catalog = Catalog(url)
    try:
        yield catalog
    finally:
        catalog.close()
