"""Collections that are longer than one answer: they page by themselves, one page ahead of who reads them."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from conceptoscope.addresses import gives_tables, page_at
from conceptoscope.asking import Ask, Plan
from conceptoscope.driving import Awaiting, Blocking
from conceptoscope.errors import Unexpected
from conceptoscope.frames import frame_of, read_stream, to_frame, to_table
from conceptoscope.optional import has, need
from conceptoscope.resource import D, Resource, call, check_awaits, check_waits
from conceptoscope.session import data_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

T = TypeVar("T")
PAGE: Final = 100
"""Rows of a page, unless ``limit`` says otherwise."""


@dataclass(frozen=True)
class Page:
    """Some rows and where to go on."""

    rows: Sequence[dict[str, Any]]
    total: int
    next: str | None


class Collection(Resource[D], Generic[D, T]):
    """All rows that meet a query, asked for when they are needed.

    ``for`` and ``async for`` go over all of them, ``len()`` and ``count()`` say how many there are. Each time the
    server is asked anew; with a cache what has not changed is not sent again.
    """

    def __init__(self, driver: D, ask: Ask, *, make: Callable[[dict[str, Any]], T], inside: str = "") -> None:
        limit = None if "limit" in dict(ask.query) else page_at(ask.path, wanted=PAGE)
        self._driver = driver
        self._first_ask = replace(ask, query=(*ask.query, ("limit", str(limit)))) if limit else ask
        self._make, self._inside = make, inside
        self._looked: Page | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._first_ask.path}, {dict(self._first_ask.query)})"

    def __iter__(self: "Collection[Blocking, T]") -> Iterator[T]:
        check_waits(self._driver)
        page: Page | None = self._take_looked() or self._driver.run(self._page())
        while page is not None:
            ahead = self._driver.start(self._page(page.next)) if page.next else None
            try:
                yield from map(self._make, page.rows)
                page = ahead.result() if ahead else None
            finally:
                if ahead:
                    ahead.cancel()

    async def __aiter__(self: "Collection[Awaiting, T]") -> AsyncIterator[T]:
        check_awaits(self._driver)
        page: Page | None = self._take_looked() or await self._driver.run(self._page())
        while page is not None:
            ahead = self._driver.start(self._page(page.next)) if page.next else None
            try:
                for row in page.rows:
                    yield self._make(row)
                page = await ahead if ahead else None
            finally:
                if ahead:
                    ahead.cancel()

    def __len__(self: "Collection[Blocking, T]") -> int:
        check_waits(self._driver)
        return self._driver.run(self._count())

    def __bool__(self) -> bool:
        """A collection is one, also of nothing: asking whether it is there asks no server."""
        return True

    @call
    def count(self) -> Plan[int]:
        """How many rows there are."""
        return (yield from self._count())

    @call
    def first(self) -> Plan[T | None]:
        """The first row, or None."""
        page = yield from self._page()
        return self._make(page.rows[0]) if page.rows else None

    @call
    def to_list(self) -> Plan[list[T]]:
        """All rows."""
        return [self._make(row) for row in (yield from self._rows())]

    @call
    def to_arrow(self) -> "Plan[pa.Table]":
        """All rows as a ``pyarrow.Table``, without addresses: in one answer, where the server gives tables."""
        if self._is_table:
            return (yield from self._table())
        return to_table((yield from self._rows()))

    @call
    def to_pandas(self) -> "Plan[pd.DataFrame]":
        """All rows as a ``pandas.DataFrame``: nested objects are columns ``outer_inner``."""
        need("pandas", purpose="Data frames")
        if self._is_table and has("pyarrow"):
            return frame_of((yield from self._table()))
        return to_frame((yield from self._rows()))

    @property
    def _is_table(self) -> bool:
        """Whether the server gives all rows as one Arrow stream; those after a cursor come page by page."""
        return gives_tables(self._first_ask.path) and "cursor" not in dict(self._first_ask.query)

    def _table(self) -> "Plan[pa.Table]":
        kept = [pair for pair in self._first_ask.query if pair[0] != "limit"]
        ask = replace(self._first_ask, query=(*kept, ("format", "arrow")))
        return read_stream((yield from self._ask(ask)).content)

    def _rows(self) -> Plan[list[dict[str, Any]]]:
        page = yield from self._page()
        rows = list(page.rows)
        while page.next:
            page = yield from self._page(page.next)
            rows += page.rows
        return rows

    def _count(self) -> Plan[int]:
        page = yield from self._page()
        self._looked = page
        return page.total

    def _take_looked(self) -> Page | None:
        """The first page if ``len()`` has just asked for it, as ``list()`` does."""
        page, self._looked = self._looked, None
        return page

    def _page(self, cursor: str | None = None) -> Plan[Page]:
        kept = [pair for pair in self._first_ask.query if not cursor or pair[0] != "cursor"]
        query = (*kept, *((("cursor", cursor),) if cursor else ()))
        told = data_of((yield from self._ask(replace(self._first_ask, query=query))))
        rows = told["data"][self._inside] if self._inside else told["data"]
        place = told.get("page")
        if not isinstance(rows, list):
            raise Unexpected(f"{self._first_ask.path} answers with no list.")
        return Page(rows, place["total"] if place else len(rows), place["next"] if place else None)
