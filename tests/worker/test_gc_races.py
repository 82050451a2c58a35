"""gc beside others: whoever wants an artifact keeps it or builds it again, and the catalog is never broken."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from store.artifacts import Artifact, Artifacts
from store.catalog.session import Catalog
from store.catalog.wanted import WantedNotes
from store.settings import Settings
from store.specs import AtlasSpec
from store.vocabulary import Kind
from tests.worker.chains import COLLECTION, EXTRACTION, Chain, all_digests, make, make_chain, record
from worker.cli import app
from worker.collector import Collector
from worker.jobs.requests import activations_inputs, atlas_inputs

WEEK = timedelta(days=7)


def test_who_comes_first_keeps_it(
    artifacts: Artifacts, catalog: Catalog, collector: Collector, settings: Settings
) -> None:
    """A request finds the old artifact after gc has looked and before it removes."""
    chain = make_chain(artifacts, days=30)
    found = collector.look(grace=WEEK)
    assert len(found) == 4
    request = Artifacts(settings.store, notes=WantedNotes(catalog))
    inputs = activations_inputs(chain.collection)
    request.get(Kind.COLLECTION, chain.collection.digest)
    assert request.find(Kind.ACTIVATIONS, EXTRACTION, inputs=inputs) == chain.activations
    removed = {getattr(one.thing, "digest", "") for one in collector.remove(found)}
    assert removed == {chain.atlas.digest, chain.dictionary.digest}
    assert all_digests(artifacts) == {chain.activations.digest, chain.collection.digest}
    record(catalog, make_chain(request))
    assert collector.look(grace=WEEK, now=datetime.now(UTC) + timedelta(days=30)) == []


def test_what_the_catalog_has_come_to_refer_to_stays_even_without_a_note(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    """As a worker of an earlier version would do it."""
    chain = make_chain(artifacts, days=30)
    found = collector.look(grace=WEEK)
    record(catalog, chain)
    removed = {getattr(one.thing, "digest", "") for one in collector.remove(found)}
    assert removed == {chain.activations.digest}  # which is no row of its own, and can be made anew
    assert all_digests(artifacts) == chain.digests - removed


def test_who_comes_second_builds_it_again(
    artifacts: Artifacts,
    catalog: Catalog,
    collector: Collector,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request finds the old artifact in the very moment in which gc removes it."""
    chain = make_chain(artifacts, days=30)
    request = Artifacts(settings.store, notes=WantedNotes(catalog))
    inputs = atlas_inputs(chain.dictionary, activations=chain.activations)
    seen: list[Artifact | None] = []
    finder = threading.Thread(target=lambda: seen.append(request.find(Kind.ATLAS, AtlasSpec(), inputs=inputs)))
    withdraw = Artifacts.withdraw

    def slowly(self: Artifacts, thing: Any) -> bool:
        finder.start()
        finder.join(0.5)
        assert finder.is_alive()  # it waits
        return withdraw(self, thing)

    [atlas] = [one for one in collector.look(grace=WEEK) if getattr(one.thing, "digest", "") == chain.atlas.digest]
    monkeypatch.setattr(Artifacts, "withdraw", slowly)
    assert collector.remove([atlas]) == [atlas]
    monkeypatch.undo()
    finder.join()
    assert seen == [None]
    again = make(request, Kind.ATLAS, AtlasSpec(), inputs=inputs)
    assert again.digest == chain.atlas.digest
    record(catalog, Chain(chain.collection, chain.activations, chain.dictionary, again))
    assert collector.remove([atlas]) == []  # wanted since
    assert artifacts.get(Kind.ATLAS, again.digest).file("a.txt").exists()


def test_who_lists_beside_it_sees_what_is_left(
    settings: Settings, artifacts: Artifacts, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = make_chain(artifacts, days=30)
    record(catalog, make_chain(artifacts, listing="another", days=30))
    found, listed = Artifacts.list, []

    def removing_list(self: Artifacts, kind: Kind) -> list[Artifact]:
        listed[:] = found(self, kind)
        if any(one.digest == chain.atlas.digest for one in listed):
            Artifacts(settings.store).remove(chain.atlas)
        return listed

    monkeypatch.setattr(Artifacts, "list", removing_list)
    listing = CliRunner().invoke(app, ["ls", "--json", "--store", str(settings.store)], catch_exceptions=False)
    assert [row["kind"] for row in json.loads(listing.output)["artifacts"]].count("atlas") == 1


def test_two_collectors_are_no_trouble(artifacts: Artifacts, catalog: Catalog, settings: Settings) -> None:
    make_chain(artifacts, days=30)
    make(artifacts, Kind.COLLECTION, COLLECTION, inputs={"listing": "another"}, days=30)
    both = [Collector(Artifacts(settings.store), catalog) for _ in range(2)]
    found = [one.look(grace=WEEK) for one in both]
    workers = [threading.Thread(target=one.remove, args=(what,)) for one, what in zip(both, found, strict=True)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all_digests(artifacts) == set()
    assert both[0].look(grace=WEEK) == []
