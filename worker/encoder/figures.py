"""How the encoder does, in numbers, for the web program, the doctor and Prometheus; nothing tells who asked what."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from store.encoding.contract import EncoderState
from store.version import VERSION
from worker.encoder.admission import Admission
from worker.encoder.desk import Desk

_STATUS: Final = Path("/proc/self/status")


class Figures:
    """Counts of one running encoder; a collector for Prometheus."""

    def __init__(self, desk: Desk, admission: Admission) -> None:
        self._desk, self._admission = desk, admission
        self.n_left = 0
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def state(self) -> EncoderState:
        """How it stands now."""
        desk, door = self._desk, self._admission
        return EncoderState(
            version=VERSION,
            device=str(desk.device),
            n_waiting=door.n_inside,
            n_waiting_max=door.most,
            held=desk.shelf.names,
            held_bytes=desk.shelf.n_bytes + desk.looks.n_bytes,
            budget_bytes=desk.shelf.budget_bytes + desk.looks.budget_bytes,
            n_decoders=len(desk.decoders.pids),
            n_decoder_deaths=desk.decoders.n_deaths,
            n_requests=door.n_admitted,
            n_refused={reason.value: n for reason, n in sorted(door.refused.items())},
            rss_bytes=resident_bytes(),
        )

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What was counted so far."""
        desk, door, passes = self._desk, self._admission, self._desk.passes
        refused = CounterMetricFamily("conceptoscope_encoder_refused", "Requests refused.", labels=["reason"])
        for reason, n in sorted(door.refused.items()):
            refused.add_metric([reason.value], n)
        yield refused
        for name, said, value in (
            ("requests", "Requests let in.", door.n_admitted),
            ("request_seconds", "Time that these took together.", door.total_s),
            ("left", "Requests whose visitor left before the answer.", self.n_left),
            ("passes", "Passes through a model.", passes.n_passes),
            ("pictures", "Photos that went through a model.", passes.n_pictures),
            ("busy_seconds", "Time in which the device computed.", passes.busy_s),
            ("loads", "Models and dictionaries loaded, again after they were put away, too.", desk.shelf.n_loads),
            ("decoder_deaths", "Decoder processes that a photo brought down.", desk.decoders.n_deaths),
        ):
            yield CounterMetricFamily(f"conceptoscope_encoder_{name}", said, value=value)
        for name, said, value in (
            ("waiting", "Requests inside now.", door.n_inside),
            ("held_bytes", "Memory of models, dictionaries and kept activations.", self.state().held_bytes),
            ("budget_bytes", "Most that these may take.", self.state().budget_bytes),
        ):
            yield GaugeMetricFamily(f"conceptoscope_encoder_{name}", said, value=value)


def resident_bytes() -> int | None:
    """Memory of this process; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return None
