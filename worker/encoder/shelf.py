"""Models and dictionaries in memory, loaded when they are asked for, under a budget; the least recently used go."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from store.errors import Unavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A thing and the memory it takes."""

    value: Any
    n_bytes: int


@dataclass
class _Place:
    loaded: Loaded
    n_users: int = 0


class Shelf:
    """Holds what ``load`` gives, each once. What somebody uses stays; the rest goes when there is no room.

    All that one request needs is taken as a unit, so that no two requests wait for each other: while something is
    loaded nobody else takes more than is there. A thing's size is known once it was loaded; until then the room for it
    is made after loading, so that the budget can be exceeded by one thing while that is loaded.
    """

    def __init__(self, budget_bytes: int, load: Callable[[Any], Loaded], executor: Executor) -> None:
        self.budget_bytes = budget_bytes
        self._load, self._executor = load, executor
        self._places: dict[Hashable, _Place] = {}  # the least recently used first
        self._sizes: dict[Hashable, int] = {}
        self._loading = asyncio.Lock()
        self._freed = asyncio.Event()
        self.n_loads = self.n_dropped = 0

    @property
    def n_bytes(self) -> int:
        """Memory that all together take."""
        return sum(place.loaded.n_bytes for place in self._places.values())

    @property
    def names(self) -> tuple[str, ...]:
        """What is held."""
        return tuple(str(key) for key in self._places)

    @asynccontextmanager
    async def using(self, keys: Sequence[Hashable]) -> AsyncIterator[Mapping[Any, Any]]:
        """These things, by their keys, while the context lasts.

        Raises what ``load`` raises, and ``Unavailable`` for what is larger than the budget by itself.
        """
        wanted = list(dict.fromkeys(keys))
        taken: list[Hashable] = []
        try:
            if all(key in self._places for key in wanted):
                self._take(wanted, taken)
            else:
                async with self._loading:
                    for key in wanted:
                        if key not in self._places:
                            await self._bring(key, wanted)
                        self._take([key], taken)
            yield {key: self._places[key].loaded.value for key in wanted}
        finally:
            for key in taken:
                self._places[key].n_users -= 1
            self._freed.set()

    def _take(self, keys: Sequence[Hashable], taken: list[Hashable]) -> None:
        for key in keys:
            place = self._places[key] = self._places.pop(key)  # now the most recently used
            place.n_users += 1
            taken.append(key)

    async def _bring(self, key: Hashable, wanted: Sequence[Hashable]) -> None:
        known = self._sizes.get(key)
        self._check(key, known)
        await self._make_room(known or 0, keep=wanted)
        loop = asyncio.get_running_loop()
        loaded = await asyncio.shield(loop.run_in_executor(self._executor, self._load, key))
        self.n_loads += 1
        self._sizes[key] = loaded.n_bytes
        self._check(key, loaded.n_bytes)
        await self._make_room(loaded.n_bytes, keep=wanted)
        self._places[key] = _Place(loaded)

    def _check(self, key: Hashable, n_bytes: int | None) -> None:
        if n_bytes is not None and n_bytes > self.budget_bytes:
            raise Unavailable(
                f"{key} takes {n_bytes / 2**20:,.0f} MiB, and the encoder may hold {self.budget_bytes / 2**20:,.0f} "
                "MiB. Give it more by CONCEPTOSCOPE_ENCODER_MEMORY_BYTES."
            )

    async def _make_room(self, n_bytes: int, *, keep: Sequence[Hashable]) -> None:
        """Drop idle things until so much fits, and wait for those that others use if that is not enough.

        Raises ``Unavailable`` when one request wants more than the budget.
        """
        while self.n_bytes + n_bytes > self.budget_bytes:
            others = [key for key in self._places if key not in keep]
            if not others:
                raise Unavailable(
                    f"One request needs {(self.n_bytes + n_bytes) / 2**20:,.0f} MiB of models and dictionaries, and "
                    f"the encoder may hold {self.budget_bytes / 2**20:,.0f} MiB. Ask for fewer dictionaries at once, "
                    "or give it more by CONCEPTOSCOPE_ENCODER_MEMORY_BYTES."
                )
            idle = [key for key in others if not self._places[key].n_users]
            if idle:
                self._drop(idle[0])
            else:
                self._freed.clear()
                await self._freed.wait()

    def _drop(self, key: Hashable) -> None:
        del self._places[key]
        self.n_dropped += 1
        log.info("%s was put away to make room", key)
