"""Paging of any collection."""

from collections.abc import Callable
from typing import Any

from app.views.base import Choice, Paging
from store.atlas.cursor import Page


def make_paging(page: Page[Any], *, page_url: Callable[[str], str], sizes: tuple[Choice, ...] = ()) -> Paging:
    """Where a page stands; the callable turns a cursor into an address."""
    return Paging(
        limit=page.limit,
        total=page.total,
        first=page.start + 1 if page.items else 0,
        last=page.start + len(page.items),
        next=page.next,
        prev=page.prev,
        next_url=page_url(page.next) if page.next else None,
        prev_url=page_url(page.prev) if page.prev else None,
        sizes=sizes,
    )
