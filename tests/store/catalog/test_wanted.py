"""Notes of what is wanted, and removals that wait for nobody who came first."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.artifacts import Artifacts
from store.catalog.collections import save_collection
from store.catalog.dictionaries import DictionaryFacts, save_dictionary, switch_atlas
from store.catalog.models import save_model
from store.catalog.session import Catalog
from store.catalog.wanted import (
    WantedNotes,
    forget_wanted,
    hold_unwanted,
    list_references,
    list_wanted,
    note_wanted,
    recording,
)
from store.errors import Unavailable
from store.vocabulary import Kind
from tests.store.artifacts.builder import INPUTS, SPEC, build

OLD = datetime(2020, 1, 1, tzinfo=UTC)


def wanted_at(catalog: Catalog, digest: str, kind: Kind = Kind.ATLAS) -> datetime | None:
    with catalog.session() as session:
        return list_wanted(session).get((kind, digest))


def test_a_note_is_renewed_and_forgotten(catalog: Catalog) -> None:
    notes = WantedNotes(catalog)
    notes.want(Kind.ATLAS, "a")
    first = wanted_at(catalog, "a")
    assert first is not None
    assert abs(datetime.now(UTC) - first) < timedelta(minutes=1)
    notes.want(Kind.ATLAS, "a")
    assert (wanted_at(catalog, "a") or OLD) > first
    with catalog.session() as session:
        forget_wanted(session, Kind.ATLAS, "a")
    assert wanted_at(catalog, "a") is None


def test_what_has_been_wanted_since_cannot_be_held(catalog: Catalog) -> None:
    with catalog.session() as session:
        assert hold_unwanted(session, Kind.ATLAS, "never noted", seen=OLD)
    with catalog.session() as session:
        assert hold_unwanted(session, Kind.ATLAS, "never noted", seen=OLD)  # the next step of the same removal
        note_wanted(session, Kind.ATLAS, "noted")
    seen = wanted_at(catalog, "noted")
    assert seen is not None
    with catalog.session() as session:
        assert hold_unwanted(session, Kind.ATLAS, "noted", seen=seen)
    WantedNotes(catalog).want(Kind.ATLAS, "noted")
    with catalog.session() as session:
        assert not hold_unwanted(session, Kind.ATLAS, "noted", seen=seen)


@pytest.mark.parametrize("is_noted", [True, False])
def test_who_wants_what_is_being_removed_waits(catalog: Catalog, is_noted: bool) -> None:
    if is_noted:
        WantedNotes(catalog).want(Kind.ATLAS, "a")
    seen, order = datetime.now(UTC), []

    def want() -> None:
        WantedNotes(catalog).want(Kind.ATLAS, "a")
        order.append("wanted")

    other = threading.Thread(target=want)
    with catalog.session() as session:
        assert hold_unwanted(session, Kind.ATLAS, "a", seen=seen)
        other.start()
        time.sleep(0.5)
        order.append("removed")
        forget_wanted(session, Kind.ATLAS, "a")
    other.join()
    assert order == ["removed", "wanted"]
    assert wanted_at(catalog, "a") is not None


def test_a_removal_waits_for_who_is_about_to_refer_to_it(catalog: Catalog, tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    built, order = build(artifacts, text="hello"), []

    def remove() -> None:
        with catalog.session() as session:
            order.append(hold_unwanted(session, Kind.ATLAS, built.digest, seen=OLD))

    other = threading.Thread(target=remove)
    with recording(built, artifacts, catalog):
        other.start()
        time.sleep(0.5)
        order.append("recorded")
    other.join()
    assert order == ["recorded", False]


def test_the_catalog_never_refers_to_what_has_been_removed(catalog: Catalog, tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path, notes=WantedNotes(catalog))
    built = build(artifacts, text="hello")
    Artifacts(tmp_path).remove(built)
    with pytest.raises(Unavailable, match="was removed by `conceptoscope gc`.*run the same command again"):
        with recording(built, artifacts, catalog):
            raise AssertionError("it is not to be recorded")


def test_finding_getting_and_publishing_are_noted(catalog: Catalog, tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path, notes=WantedNotes(catalog))
    built = build(artifacts, text="hello")
    moments = [wanted_at(catalog, built.digest)]
    artifacts.find(Kind.ATLAS, SPEC, inputs=INPUTS)
    moments.append(wanted_at(catalog, built.digest))
    artifacts.get(Kind.ATLAS, built.digest)
    moments.append(wanted_at(catalog, built.digest))
    with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        assert draft.found == built
    moments.append(wanted_at(catalog, built.digest))
    known = [moment for moment in moments if moment is not None]
    assert len(known) == 4
    assert known == sorted(set(known))
    Artifacts(tmp_path).get(Kind.ATLAS, built.digest)  # who only looks
    assert wanted_at(catalog, built.digest) == known[-1]


def test_the_grace_time_counts_from_the_switch(catalog: Catalog) -> None:
    with catalog.session() as session:
        model = save_model(session, "m", title="M", facts={})
        for digest in ("c1", "c2"):
            images = save_collection(session, "c", title="C", digest=digest, folder=None, n_images=1)
        for digest in ("d1", "d2"):
            facts = DictionaryFacts("d", "D", model, images, "l", "topk", digest, 1, {}, {})
            dictionary = save_dictionary(session, facts)
        for digest in ("a1", "a2", "a2"):
            switch_atlas(session, dictionary, digest=digest, headline={})
            session.refresh(dictionary)
    with catalog.session() as session:
        assert set(list_wanted(session)) == {(Kind.COLLECTION, "c1"), (Kind.DICTIONARY, "d1"), (Kind.ATLAS, "a1")}
        assert list_references(session) == {
            Kind.COLLECTION: {"c2"},
            Kind.DICTIONARY: {"d2"},
            Kind.UNIVERSAL: set(),
            Kind.ATLAS: {"a2"},
            Kind.ACTIVATIONS: set(),
            Kind.ALIGNMENT: set(),
        }
