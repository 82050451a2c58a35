"""How many requests came and how long they took, by the pattern of the route, never by the address."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.headers import ASKED

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LABELS = ("route", "method", "status")
_EDGES = (*(str(bound) for bound in BOUNDS_S), "+Inf")


@dataclass(slots=True)
class _Cell:
    """Requests of one route, method and class of status, by duration."""

    counts: list[int] = field(default_factory=lambda: [0] * len(_EDGES))
    total_s: float = 0.0


class Tally:
    """Counts of answered requests; a collector for Prometheus. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cells: dict[tuple[str, str, str], _Cell] = {}
        self._not_modified: dict[str, int] = {}

    def add(self, scope: Scope, *, status: int, seconds: float) -> None:
        """One more answer. Addresses that no route of ours answers are one label, and so are unknown methods."""
        route, method = scope.get("route"), scope.get(ASKED, scope["method"])
        pattern: str = OTHER if route is None else route.path
        key = (pattern, method if method in _METHODS else OTHER, f"{status // 100}xx")
        place = bisect_left(BOUNDS_S, seconds)
        with self._lock:
            cell = self._cells.get(key) or self._cells.setdefault(key, _Cell())
            cell.counts[place] += 1
            cell.total_s += seconds
            if status == 304:
                self._not_modified[pattern] = self._not_modified.get(pattern, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """What was counted so far."""
        with self._lock:
            cells = [(key, tuple(accumulate(cell.counts)), cell.total_s) for key, cell in self._cells.items()]
            not_modified = list(self._not_modified.items())
        requests = CounterMetricFamily("conceptoscope_http_requests", "Answered requests.", labels=_LABELS)
        durations = HistogramMetricFamily(
            "conceptoscope_http_request_duration_seconds",
            "From the request to the start of its answer.",
            labels=_LABELS,
        )
        for key, counts, total_s in sorted(cells):
            requests.add_metric(key, counts[-1])
            durations.add_metric(key, list(zip(_EDGES, counts, strict=True)), total_s)
        unchanged = CounterMetricFamily(
            "conceptoscope_http_not_modified", "Requests answered by 304: the client had the answer.", labels=["route"]
        )
        for pattern, n in sorted(not_modified):
            unchanged.add_metric([pattern], n)
        yield from (requests, durations, unchanged)


class Measure:
    """Counts every request when its answer starts: one that streams for minutes is no slow one."""

    def __init__(self, app: ASGIApp, tally: Tally) -> None:
        self.app, self._tally = app, tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, is_counted = time.perf_counter(), False

        async def send_counted(message: Message) -> None:
            nonlocal is_counted
            if message["type"] == "http.response.start":
                is_counted = True
                self._tally.add(scope, status=message["status"], seconds=time.perf_counter() - begin)
            await send(message)

        try:
            await self.app(scope, receive, send_counted)
        except Exception:
            if not is_counted:  # whoever stands outside will answer 500
                self._tally.add(scope, status=500, seconds=time.perf_counter() - begin)
            raise
