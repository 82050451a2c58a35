"""Opaque page cursors, bound to what they continue: a build, a filter and an order."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from store.atlas.grammar import BadQuery, Fault
from store.specs import digest_of

LIMIT_DEFAULT, LIMIT_MAX = 24, 200
FIELDS_LIMIT_MAX = 500
"""The same where only some fields are asked for."""
ALL = 999_999_999
"""The limit of what has none."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A part of a sequence that never changes, with the cursors of its neighbours."""

    items: tuple[Item, ...]
    start: int
    limit: int
    total: int
    next: str | None
    prev: str | None


def cut_page(items: Sequence[Item], *, cursor: str, limit: int, binding: str) -> Page[Item]:
    """The page at a cursor (the first when empty). Atlases never change, so a place in the order is enough to know."""
    start = decode_cursor(cursor, binding=binding) if cursor else 0
    part = tuple(items[start : start + limit])
    following, before = start + limit, max(start - limit, 0)
    return Page(
        items=part,
        start=start,
        limit=limit,
        total=len(items),
        next=encode_cursor(following, binding=binding) if following < len(items) else None,
        prev=encode_cursor(before, binding=binding) if start else None,
    )


def make_binding(*parts: object) -> str:
    """What a cursor is bound to: digest of the build and the canonical query."""
    return digest_of([str(part) for part in parts])[:16]


def encode_cursor(start: int, *, binding: str) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps([start, binding]).encode()).decode().rstrip("=")


def decode_cursor(text: str, *, binding: str) -> int:
    """Where the page starts; raises ``BadQuery`` when the cursor belongs to another query or build."""
    try:
        start, bound = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, TypeError) as fault:
        raise BadQuery(Fault("cursor", "The cursor cannot be read: take it from `next` or `prev`.")) from fault
    if bound != binding or not isinstance(start, int) or start < 0:
        remedy = "start again without a cursor."
        raise BadQuery(Fault("cursor", f"The cursor belongs to another filter, order or build: {remedy}"))
    return start


def parse_limit(text: str, *, default: int = LIMIT_DEFAULT, most: int = LIMIT_MAX) -> int:
    """A page size; raises ``BadQuery`` that names the bounds for anything outside them."""
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise BadQuery(Fault("limit", f"'limit' is a whole number from 1 to {most}, not '{text}'."))
    return int(text)
