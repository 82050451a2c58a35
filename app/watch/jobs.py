"""Jobs, queues and workers as the catalog knows them at the moment of the question."""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from app.watch.bounded import Bounded
from store.catalog.figures import Figures, read_figures
from store.catalog.session import Catalog

log = logging.getLogger(__name__)

Samples = Iterable[tuple[tuple[str, ...], float]]


class CatalogCollector:
    """Asks the catalog when Prometheus asks. When it does not answer in time, one metric says so, the others miss."""

    def __init__(self, catalog: Catalog) -> None:
        self._figures = Bounded(partial(_read, catalog), what="catalog")

    def collect(self) -> Iterator[Metric]:
        """All figures of the catalog."""
        figures = self._found()
        yield _gauge("catalog_up", "1 when the catalog answers, 0 otherwise.", (), [((), float(figures is not None))])
        if figures is not None:
            yield from _families(figures)

    def _found(self) -> Figures | None:
        try:
            return self._figures.wait()
        except Exception as fault:  # whatever is wrong with it: the rest is still told
            log.warning("The catalog has no figures for Prometheus: %s", fault)
            return None


def _read(catalog: Catalog) -> Figures:
    catalog.check()
    with catalog.session() as session:
        return read_figures(session, now=datetime.now(UTC))


def _families(figures: Figures) -> Iterator[Metric]:
    yield _gauge("jobs", "Jobs by kind and state.", ("kind", "state"), list(figures.jobs.items()))
    yield _gauge(
        "running_units_per_second",
        "Rate of all running jobs of a kind together.",
        ("kind",),
        [((kind,), rate) for kind, rate in figures.rates.items()],
    )
    yield from _queues(figures)
    yield from _workers(figures)


def _queues(figures: Figures) -> Iterator[Metric]:
    yield _gauge(
        "queue_oldest_wait_seconds",
        "Age of the job that waits longest, 0 when none does.",
        ("queue",),
        [((queue,), wait_s) for queue, wait_s in figures.oldest_wait_s.items()],
    )
    yield _gauge(
        "queue_recent_starts",
        "Jobs that began to run within the last hour.",
        ("queue",),
        [((queue,), starts.n) for queue, starts in figures.starts.items()],
    )
    yield _gauge(
        "queue_recent_wait_seconds",
        "Mean wait of the jobs that began to run within the last hour, 0 when none did.",
        ("queue",),
        [((queue,), starts.mean_wait_s) for queue, starts in figures.starts.items()],
    )


def _workers(figures: Figures) -> Iterator[Metric]:
    yield _gauge(
        "workers", "Workers ever seen, by state.", ("state",), [((state,), n) for state, n in figures.workers.items()]
    )
    yield _gauge(
        "worker_longest_silence_seconds",
        "Since the last sign of life of the most silent worker in the state alive, 0 without one.",
        (),
        [((), figures.longest_silence_s)],
    )


def _gauge(name: str, doc: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    family = GaugeMetricFamily(f"conceptoscope_{name}", doc, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
