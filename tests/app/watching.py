"""Reading what Prometheus would read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.main import make_app
from store.settings import Settings

SLACK_S = 1.5  # a busy machine is no hanging one
Labels = frozenset[tuple[str, str]]
Samples = Mapping[str, Mapping[Labels, float]]


def scrape(client: TestClient) -> Samples:
    """Every sample of ``/metrics``: name, labels, value; no sample comes twice."""
    response = client.get("/metrics")
    assert response.status_code == 200
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            series, labels = found.setdefault(sample.name, {}), frozenset(sample.labels.items())
            assert labels not in series, (sample.name, labels)
            series[labels] = sample.value
    return found


def labels(**named: str) -> Labels:
    """Labels of a sample."""
    return frozenset(named.items())


@contextmanager
def served(settings: Settings) -> Iterator[TestClient]:
    """A client of the program over a store."""
    with TestClient(make_app(settings), raise_server_exceptions=False) as client:
        yield client


def state_of(client: TestClient) -> Any:
    """What the program of a client holds."""
    return client.app.state  # type: ignore[attr-defined]
