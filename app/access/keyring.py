"""Which secret opens what: asked of the catalog, and remembered for a few seconds."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from cachetools import TTLCache
from starlette.concurrency import run_in_threadpool

from store.catalog.session import Catalog
from store.catalog.tokens import Key, find_key, note_use
from store.errors import Unavailable
from store.secrets import Secret, Use, read_secret

log = logging.getLogger(__name__)

REMEMBERED_S: Final = 5.0
"""So long a revoked token may still open what it did."""
_N_MAX: Final = 2048


class _Unknown:
    """In place of a key where nobody asked yet: None is a secret that opens nothing."""


_UNKNOWN: Final = _Unknown()
_Found = asyncio.Future[Key | None]


class Keyring:
    """Asks once for many requests of one visitor; raises ``CatalogUnavailable`` when nobody can say."""

    def __init__(self, catalog: Catalog, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()  # who signs out does so on a thread
        self._known: TTLCache[str, Key | None] = TTLCache(_N_MAX, REMEMBERED_S, clock)
        self._asked: dict[str, _Found] = {}

    def knows(self, text: str, use: Use) -> bool:
        """Whether the secret can be judged without asking the catalog."""
        secret = read_secret(text, use)
        with self._lock:
            return secret is None or use + secret.public_id in self._known

    async def find(self, text: str, use: Use) -> Key | None:
        """What a secret opens now; None for one that opens nothing."""
        secret = read_secret(text, use)
        if secret is None:
            return None
        with self._lock:
            known = self._known.get(use + secret.public_id, _UNKNOWN)
        key = await self._ask(secret, use) if isinstance(known, _Unknown) else known
        is_good = key is not None and secret.fits(key.digest) and not key.is_over(datetime.now(UTC))
        return key if is_good else None

    def forget(self, public_id: str, use: Use) -> None:
        """Ask anew next time."""
        with self._lock:
            self._known.pop(use + public_id, None)

    async def _ask(self, secret: Secret, use: Use) -> Key | None:
        """One question at a time for each secret, however many wait for the answer."""
        name = use + secret.public_id
        asked = self._asked.get(name)
        if asked is None:
            asked = self._asked[name] = asyncio.ensure_future(run_in_threadpool(self._look, secret, use))
            asked.add_done_callback(lambda _: self._asked.pop(name, None))
        key = await asyncio.shield(asked)
        with self._lock:
            self._known[name] = key
        return key

    def _look(self, secret: Secret, use: Use) -> Key | None:
        now = datetime.now(UTC)
        with self._catalog.session() as session:
            key = find_key(session, secret, use, now=now)
        if key is not None and not key.is_noted and secret.fits(key.digest):
            self._note(key, now)
        return key

    def _note(self, key: Key, now: datetime) -> None:
        try:
            with self._catalog.session() as session:
                note_use(session, key.token_id, now=now)
        except Unavailable as fault:  # it opens all the same
            log.warning("that the token %s was used could not be written down: %s", key.token_id, fault)
