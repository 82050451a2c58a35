"""Who counts as silent, told by a watcher's own clock; a turn of the pulse against a real catalog."""

from collections.abc import Sequence
from threading import Event
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from store.catalog.session import Catalog
from store.catalog.tables import Worker
from store.catalog.workers import WorkerFacts, list_workers, register_worker
from store.vocabulary import WorkerState
from worker.engine.pulse import Pulse, Watch


def row(name: str = "one", *, beat: int = 0, life: str = "a", state: WorkerState = WorkerState.ALIVE) -> Worker:
    return Worker(name=name, session=life, beat=beat, state=state)


def test_silence_is_counted_between_looks() -> None:
    watch = Watch(10.0)
    assert watch.silent([row()], passed_s=0.0) == []
    assert watch.silent([row()], passed_s=9.0) == []
    assert watch.silent([row(beat=1)], passed_s=9.0) == []
    assert watch.silent([row(beat=1)], passed_s=9.0) == []
    assert [one.name for one in watch.silent([row(beat=1)], passed_s=1.0)] == ["one"]


def test_a_new_life_begins_anew_and_the_gone_are_not_lost_again() -> None:
    watch = Watch(10.0)
    watch.silent([row()], passed_s=0.0)
    assert watch.silent([row(life="b")], passed_s=50.0) == []
    assert watch.silent([row(life="b", state=WorkerState.STOPPED)], passed_s=50.0) == []


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 20.0)), max_size=30))
def test_only_as_much_silence_as_was_seen_counts(turns: list[tuple[bool, float]]) -> None:
    watch, beats, silent_s = Watch(30.0), 0, 0.0
    watch.silent([row(beat=0)], passed_s=0.0)
    for has_beaten, passed_s in turns:
        beats += has_beaten
        silent_s = 0.0 if has_beaten else silent_s + passed_s
        assert bool(watch.silent([row(beat=beats)], passed_s=passed_s)) == (silent_s >= 30)


def facts(name: str, life: str) -> WorkerFacts:
    return WorkerFacts(name=name, session=life, host="here", pid=1, device="cpu", queues="cpu")


def pulse(catalog: Catalog, taken: list[str], *, reborn: list[str]) -> Pulse:
    def begin_anew() -> WorkerFacts:
        reborn.append("again")
        return facts("me", "second")

    def take_over(names: Sequence[str]) -> None:
        taken.extend(names)

    options: dict[str, Any] = {"lost_after_s": 1.0, "leaving": Event()}
    return Pulse(catalog, facts("me", "first"), on_lost=begin_anew, take_over=take_over, **options)


def test_a_turn_takes_over_from_the_silent_and_the_stopped(catalog: Catalog) -> None:
    with catalog.session() as session:
        register_worker(session, facts("me", "first"))
        register_worker(session, facts("other", "x"))
    taken: list[str] = []
    ours = pulse(catalog, taken, reborn=[])
    ours.turn()
    assert taken == []
    ours._watch = Watch(0.0)  # any silence is too long
    ours._watch.silent([row("other", life="x")], passed_s=0.0)
    ours.turn()
    assert taken == ["other"]
    with catalog.session() as session:
        assert {w.name: w.state for w in list_workers(session)} == {"me": "alive", "other": "lost"}


def test_a_worker_that_was_declared_lost_begins_a_new_life(catalog: Catalog) -> None:
    with catalog.session() as session:
        register_worker(session, facts("me", "of another process"))
    reborn: list[str] = []
    ours = pulse(catalog, [], reborn=reborn)
    ours.turn()
    assert reborn == ["again"]
    with catalog.session() as session:
        assert [w.session for w in list_workers(session)] == ["second"]
