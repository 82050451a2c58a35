"""All that watches one running program: its readiness, and its own registry of metrics."""

from functools import partial

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from app.site import Site
from app.watch.bounded import Bounded
from app.watch.encoder import EncoderCollector
from app.watch.holdings import HoldingsCollector
from app.watch.jobs import CatalogCollector
from app.watch.readiness import Readiness
from app.watch.requests import Tally

_SCRAPE_S = 8.0  # Prometheus gives up after 10


class Watch:
    """The parts, made once per program."""

    def __init__(self, site: Site) -> None:
        self.tally = Tally()
        self.readiness = Readiness(site)
        self.registry = CollectorRegistry()
        collectors = (CatalogCollector(site.catalog), HoldingsCollector(site), EncoderCollector(site.encoder))
        for collector in (self.tally, *collectors):
            self.registry.register(collector)
        ProcessCollector(registry=self.registry)
        self._text = Bounded(partial(generate_latest, self.registry), what="registry of metrics", patience_s=_SCRAPE_S)

    async def metrics(self) -> bytes:
        """All metrics in Prometheus's text format; raises ``Unavailable`` when that takes too long."""
        return await self._text.answer()
