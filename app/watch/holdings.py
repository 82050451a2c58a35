"""What this process holds: open atlases and the memory they take, the cache of artifacts, its version."""

import logging
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from app.site import Site
from app.watch.bounded import Bounded
from store.artifacts import CacheUse
from store.version import VERSION

log = logging.getLogger(__name__)


class HoldingsCollector:
    """Reads from memory, and from the disk when artifacts have a cache there."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._use = Bounded(site.artifacts.cache_use, what="cache of artifacts")

    def collect(self) -> Iterator[Metric]:
        """All that is held."""
        shelf = self._site.shelf
        yield InfoMetricFamily("conceptoscope_build", "What runs.", value={"version": VERSION, "code": self._site.code})
        yield GaugeMetricFamily("conceptoscope_atlases_open", "Open atlases.", value=len(shelf.digests))
        yield CounterMetricFamily(
            "conceptoscope_atlases_opened", "Atlases opened, again after they were closed, too.", value=shelf.n_opened
        )
        yield GaugeMetricFamily(
            "conceptoscope_atlas_memory_bytes", "Memory that open atlases take.", value=shelf.n_bytes()
        )
        kept = self._site.kept
        yield GaugeMetricFamily("conceptoscope_answers_kept_bytes", "Memory of answers kept.", value=kept.n_bytes)
        yield CounterMetricFamily(
            "conceptoscope_answers_found", "Answers that had been made before.", value=kept.n_found
        )
        use = self._found()
        if use is not None:
            yield from _cache(use)

    def _found(self) -> CacheUse | None:
        try:
            return self._use.wait()
        except Exception as fault:  # whatever is wrong with it: the rest is still told
            log.warning("The cache has no figures for Prometheus: %s", fault)
            return None


def _cache(use: CacheUse) -> Iterator[Metric]:
    yield GaugeMetricFamily("conceptoscope_artifact_cache_bytes", "Bytes in the cache.", value=use.n_bytes)
    yield GaugeMetricFamily("conceptoscope_artifact_cache_limit_bytes", "Most it may hold.", value=use.n_bytes_max)
    yield CounterMetricFamily("conceptoscope_artifact_cache_hits", "Files that were in it.", value=use.n_hits)
    yield CounterMetricFamily(
        "conceptoscope_artifact_cache_misses", "Files that were not, and had to be fetched.", value=use.n_misses
    )
