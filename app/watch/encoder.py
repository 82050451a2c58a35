"""The encoder as this program meets it: whether it answers, and what became of the questions."""

import logging
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from app.encoder import Encoder
from app.watch.bounded import Bounded

log = logging.getLogger(__name__)


class EncoderCollector:
    """Asks the encoder when Prometheus asks; its own figures are for whoever knows the secret."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._state = Bounded(encoder.look, what="encoder")

    def collect(self) -> Iterator[Metric]:
        """Whether it is up, and the questions by their outcome."""
        yield GaugeMetricFamily(
            "conceptoscope_encoder_up", "1 when the encoder answers, 0 otherwise.", value=float(self._answers())
        )
        asked = CounterMetricFamily(
            "conceptoscope_encoder_questions", "Questions to the encoder by outcome.", labels=["outcome"]
        )
        for outcome, n in sorted(self._encoder.outcomes.items()):
            asked.add_metric([outcome], n)
        yield asked

    def _answers(self) -> bool:
        if not self._encoder.is_set_up:
            return False
        try:
            self._state.wait()
        except Exception as fault:  # whatever is wrong with it: the rest is still told
            log.warning("The encoder has no figures for Prometheus: %s", fault)
            return False
        return True
