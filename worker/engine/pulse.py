"""Signs of life: each worker shows its own, watches those of the others, and takes over from who shows none.

Time is measured by each watcher's own monotonic clock, between two looks that both reached the catalog: clocks that
jump and catalogs that are away make nobody look dead.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from store.catalog.session import Catalog
from store.catalog.tables import Worker
from store.catalog.workers import WorkerFacts, beat, declare_lost, list_workers, register_worker
from store.errors import Unavailable
from store.vocabulary import WorkerState

BEATS_PER_LOSS: Final = 6
log = logging.getLogger(__name__)


@dataclass
class _Seen:
    """The last sign of life of a worker, and for how long it has been silent since."""

    session: str
    beat: int
    silent_s: float = 0.0


class Watch:
    """Who has been silent for too long; ``silent`` is told all workers and the time since the last look."""

    def __init__(self, lost_after_s: float) -> None:
        self._lost_after_s = lost_after_s
        self._seen: dict[str, _Seen] = {}

    def silent(self, workers: Sequence[Worker], *, passed_s: float) -> list[Worker]:
        """Living workers that have shown no sign of life for too long."""
        found = []
        for one in workers:
            seen = self._seen.get(one.name)
            if seen is None or (seen.session, seen.beat) != (one.session, one.beat):
                self._seen[one.name] = _Seen(one.session, one.beat)
                continue
            seen.silent_s += passed_s
            if seen.silent_s >= self._lost_after_s and one.state == WorkerState.ALIVE:
                found.append(one)
        return found


class Pulse(threading.Thread):
    """Beats for one worker and takes over from lost ones.

    ``on_lost`` is called when others have declared this worker lost: it begins a new life, with the facts that
    ``on_lost`` returns. ``take_over`` is called with the names of workers that are gone.
    """

    def __init__(
        self,
        catalog: Catalog,
        facts: WorkerFacts,
        *,
        lost_after_s: float,
        leaving: threading.Event,
        on_lost: Callable[[], WorkerFacts],
        take_over: Callable[[Sequence[str]], None],
    ) -> None:
        super().__init__(name="pulse", daemon=True)
        self._catalog, self.facts, self._leaving = catalog, facts, leaving
        self._on_lost, self._take_over = on_lost, take_over
        self._every_s = lost_after_s / BEATS_PER_LOSS
        self._watch = Watch(lost_after_s)
        self._looked_at: float | None = None

    def run(self) -> None:
        """Until the worker leaves."""
        while not self._leaving.wait(self._every_s):
            try:
                self.turn()
            except Unavailable as fault:
                self._looked_at = None  # how long others have been silent is not known
                log.warning("no sign of life can be shown: %s", fault)
            except Exception:
                log.exception("a turn of the pulse failed")

    def turn(self) -> None:
        """One sign of life, and one look at the others."""
        with self._catalog.session() as session:
            lives = beat(session, self.facts)
        if not lives:
            log.warning("others have declared this worker lost; it begins anew")
            self.facts = self._on_lost()
            with self._catalog.session() as session:
                register_worker(session, self.facts)
        with self._catalog.session() as session:
            others = [one for one in list_workers(session) if one.name != self.facts.name]
        now = time.monotonic()
        passed_s = 0.0 if self._looked_at is None else now - self._looked_at
        self._looked_at = now
        for one in self._watch.silent(others, passed_s=min(passed_s, 2 * self._every_s)):
            self._declare_lost(one)
        gone = [one.name for one in others if one.state != WorkerState.ALIVE]
        if gone:
            self._take_over(gone)

    def _declare_lost(self, one: Worker) -> None:
        with self._catalog.session() as session:
            done = declare_lost(session, one.name, worker_session=one.session, beat_seen=one.beat)
        if done:
            log.warning("the worker '%s' shows no sign of life; its jobs go to others", one.name)
            self._take_over([one.name])
