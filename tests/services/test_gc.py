"""gc over a real S3 server and a real PostgreSQL: several machines find, build and remove at once."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from store.artifacts import Artifact, Artifacts, open_artifacts
from store.catalog.session import Catalog
from store.catalog.versions import migrate
from store.catalog.wanted import WantedNotes
from store.errors import Damaged, NotFound
from store.retention import Unneeded
from store.settings import Settings
from store.specs import AtlasSpec
from store.vocabulary import Kind
from tests.services.postgres import Postgres
from tests.services.s3 import S3Server
from tests.worker.chains import COLLECTION, EXTRACTION, Chain, dictionary_spec, record
from worker.collector import Collector
from worker.jobs.requests import activations_inputs, atlas_inputs, dictionary_inputs

pytestmark = pytest.mark.services
LATER = {"grace": timedelta(days=7), "now": datetime.now(UTC) + timedelta(days=8)}


class Machines:
    """Machines over one object store and one catalog; those that build take notes."""

    def __init__(self, facts: dict[str, Any], folder: Path, url: str) -> None:
        self._facts, self._folder, self._url = facts, folder, url
        self.catalog = Catalog(url)

    def again(self) -> "Machines":
        """The same with another connection."""
        return Machines(self._facts, self._folder, self._url)

    def artifacts(self, name: str, *, builds: bool = True) -> Artifacts:
        settings = Settings(**self._facts | {"store": self._folder / name, "database_url": self._url})
        return open_artifacts(settings, notes=WantedNotes(self.catalog) if builds else None)

    def collector(self) -> Collector:
        return Collector(self.artifacts("collector", builds=False), self.catalog)


@pytest.fixture(params=["postgresql", "sqlite"])
def machines(request: pytest.FixtureRequest, s3: S3Server, postgres: Postgres, tmp_path: Path) -> Iterator[Machines]:
    url = postgres.make_database() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    migrate(url)
    machines = Machines(s3.facts(tmp_path), tmp_path, url)
    yield machines
    machines.catalog.close()


def make(artifacts: Artifacts, kind: Kind, spec: Any, inputs: dict[str, str], *, n_files: int = 1) -> Artifact:
    found = artifacts.find(kind, spec, inputs=inputs)
    if found is not None:
        return found
    with artifacts.draft(kind, spec, inputs=inputs) as draft:
        for number in range(n_files):
            (draft.path / f"{number}.txt").write_text(f"{kind} {number}")
        return artifacts.publish(draft)


def make_chain(artifacts: Artifacts, *, n_files: int = 1) -> Chain:
    collection = make(artifacts, Kind.COLLECTION, COLLECTION, {"listing": "photos"})
    activations = make(artifacts, Kind.ACTIVATIONS, EXTRACTION, activations_inputs(collection), n_files=n_files)
    dictionary = make(artifacts, Kind.DICTIONARY, dictionary_spec(), dictionary_inputs(activations))
    atlas = make(artifacts, Kind.ATLAS, AtlasSpec(), atlas_inputs(dictionary, activations=activations))
    return Chain(collection, activations, dictionary, atlas)


def all_digests(artifacts: Artifacts) -> set[str]:
    return {artifact.digest for kind in Kind for artifact in artifacts.list(kind)}


def test_what_nothing_refers_to_goes_whole(machines: Machines, s3: S3Server) -> None:
    one, collector = machines.artifacts("one"), machines.collector()
    chain = make_chain(one, n_files=12)
    record(machines.catalog, chain)
    assert collector.look(**LATER) == []
    unused = make(one, Kind.ATLAS, AtlasSpec(seed=1), {"dictionary": chain.dictionary.digest}, n_files=3)
    one.set_aside(make(one, Kind.ATLAS, AtlasSpec(seed=2), {"dictionary": chain.dictionary.digest}))
    (one.root / "part").write_text("a shared part")
    one.shared_draft(Kind.ATLAS, AtlasSpec(seed=3), inputs={}).put("part", one.root / "part")
    assert collector.look(grace=timedelta(days=7)) == []
    found = collector.look(**LATER)
    assert sorted(one.why.value for one in found) == [
        "damaged, set aside",
        "draft nobody builds",
        "nothing refers to it",
    ]
    assert all_digests(one) == {*chain.digests, unused.digest}  # looking removed nothing
    assert len(collector.remove(found)) == 3
    assert all_digests(machines.artifacts("two")) == chain.digests
    assert collector.look(**LATER) == []
    names = s3.client().find(one._home._objects.url)  # type: ignore[attr-defined]
    assert not [name for name in names if unused.digest in name or ".damaged/" in name or ".drafts/" in name]
    for kind in Kind:
        for artifact in machines.artifacts("three").list(kind):
            artifact.verify()


def test_a_removal_takes_many_steps_and_stops_for_who_wants_it(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.artifacts.remote._AT_ONCE", 5)
    one, two, inputs = machines.artifacts("one"), machines.artifacts("two"), {"collection": "c"}
    built = make(one, Kind.ACTIVATIONS, EXTRACTION, inputs, n_files=12)
    two.get(Kind.ACTIVATIONS, built.digest).folder()
    collector, again, steps = machines.collector(), list[Artifact](), list[bool]()
    [found] = collector.look(**LATER)
    builder = threading.Thread(target=lambda: again.append(make(two, Kind.ACTIVATIONS, EXTRACTION, inputs, n_files=12)))
    withdraw = Artifacts.withdraw

    def with_builder(self: Artifacts, thing: Any) -> bool:
        if not steps:
            builder.start()
            builder.join(0.3)
        steps.append(withdraw(self, thing))
        return steps[-1]

    monkeypatch.setattr(Artifacts, "withdraw", with_builder)
    removed = collector.remove([found])
    builder.join()
    assert (removed, steps[:1]) in (([], [False]), ([found], [False]))  # whoever went on first
    assert again[0].digest == built.digest
    for name in ("one", "two", "three"):
        machines.artifacts(name).get(Kind.ACTIVATIONS, built.digest).verify()
        machines.artifacts(name).get(Kind.ACTIVATIONS, built.digest).folder()


class Bustle:
    """Threads with catalogs of their own that find, build and remove the same three artifacts."""

    def __init__(self, machines: Machines) -> None:
        self._machines, self._stop = machines, threading.Event()
        self.faults, self.removed = list[Exception](), list[Unneeded]()

    def run(self) -> None:
        """Two builders against a collector that thinks that everything is old."""
        collecting = threading.Thread(target=self._remove_on)
        builders = [threading.Thread(target=self._build_on, args=(name,)) for name in ("one", "two")]
        for thread in (collecting, *builders):
            thread.start()
        for thread in builders:
            thread.join()
        self._stop.set()
        collecting.join()

    def _remove_on(self) -> None:
        mine = self._machines.again()
        collector = mine.collector()
        while not self._stop.is_set() and not self.faults:
            try:
                self.removed += collector.remove(collector.look(grace=timedelta(0)))
            except Exception as fault:
                self.faults.append(fault)
        mine.catalog.close()

    def _build_on(self, name: str) -> None:
        mine = self._machines.again()
        artifacts = mine.artifacts(name)
        for number in range(300):
            if number >= 15:  # on a busy machine the collector comes too late each time: leave it some room
                if self.removed:
                    break
                time.sleep(0.1)
            try:
                make_small(artifacts, number % 3).folder()
            except (NotFound, Damaged):  # just wanted, and yet it may go: the grace time is none
                continue
            except Exception as fault:
                self.faults.append(fault)
        mine.catalog.close()


def make_small(artifacts: Artifacts, number: int) -> Artifact:
    return make(artifacts, Kind.ATLAS, AtlasSpec(seed=number), {"dictionary": "d"}, n_files=3)


def test_machines_that_find_build_and_remove_at_once_end_with_whole_artifacts(machines: Machines) -> None:
    bustle = Bustle(machines)
    bustle.run()
    assert bustle.faults == []
    assert bustle.removed
    last = machines.artifacts("last")
    for artifact in last.list(Kind.ATLAS):
        artifact.verify()
    for number in range(3):
        make_small(last, number).verify()
