"""The health check of a worker: alive only while others would say so."""

from datetime import UTC, datetime, timedelta
from socket import gethostname

import pytest

from store.catalog.session import Catalog
from store.catalog.workers import WorkerFacts, declare_lost, register_worker
from store.errors import Unavailable
from store.settings import Settings
from worker.engine.alive import check_alive


def born(catalog: Catalog, name: str, *, host: str) -> None:
    facts = WorkerFacts(name=name, session=f"life of {name}", host=host, pid=1, device="cpu", queues="cpu,gpu")
    with catalog.session() as session:
        register_worker(session, facts)


def test_the_worker_of_this_host_is_found(settings: Settings, catalog: Catalog) -> None:
    born(catalog, "there", host="elsewhere")
    with pytest.raises(Unavailable, match=f"No worker of the host '{gethostname()}' has shown a sign of life for 30 s"):
        check_alive(settings)
    born(catalog, "here", host=gethostname())
    assert check_alive(settings).name == "here"


def test_a_named_worker_is_looked_for_by_its_name(settings: Settings, catalog: Catalog) -> None:
    born(catalog, "there", host="elsewhere")
    assert check_alive(settings.model_copy(update={"worker_name": "there"})).name == "there"
    with pytest.raises(Unavailable, match="The worker 'nobody' has not shown a sign of life"):
        check_alive(settings.model_copy(update={"worker_name": "nobody"}))


def test_silence_and_loss_are_no_life(settings: Settings, catalog: Catalog) -> None:
    born(catalog, "here", host=gethostname())
    with pytest.raises(Unavailable, match="sign of life"):
        check_alive(settings, now=datetime.now(UTC) + timedelta(seconds=31))
    with catalog.session() as session:
        assert declare_lost(session, "here", worker_session="life of here", beat_seen=0)
    with pytest.raises(Unavailable, match="sign of life"):
        check_alive(settings)
