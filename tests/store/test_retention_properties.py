"""What goes and what stays, against a literal reading of the rules: chains of inputs walked one by one."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from store.artifacts import Leftover
from store.artifacts.leftovers import DRAFT, SET_ASIDE, SHARED, TRASH, UPLOAD
from store.retention import MARGIN, Kept, Need, Why, unneeded
from store.vocabulary import Kind

NOW = datetime(2030, 1, 1, tzinfo=UTC)
KINDS = list(Kind)

hours = st.integers(0, 400).map(lambda n: timedelta(hours=n))


@st.composite
def stores(draw: st.DrawFn) -> list[Kept]:
    """Artifacts, each made from any number of those of earlier kinds, and from things that are no artifacts."""
    found: list[Kept] = []
    for number in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from(KINDS))
        earlier = [one.digest for one in found if KINDS.index(one.kind) < KINDS.index(kind)]
        inputs = draw(st.frozensets(st.sampled_from([*earlier, "a listing"])))
        found.append(Kept(kind, f"d{number}", inputs, n_bytes=1, wanted_at=NOW - draw(hours)))
    return draw(st.permutations(found))


@st.composite
def needs(draw: st.DrawFn) -> Need:
    named = st.integers(0, 14).map(lambda n: f"d{n}")
    return Need(
        digests=draw(st.frozensets(named, max_size=3)),
        keys=draw(st.frozensets(st.sampled_from(["k0", "k1", "k2"]))),
        working_since=draw(st.none() | hours.map(lambda ago: NOW - ago)),
        now=NOW,
        grace=draw(hours),
        activations=draw(st.booleans()),
    )


@st.composite
def leftovers(draw: st.DrawFn) -> Leftover:
    what = draw(st.sampled_from([DRAFT, SHARED, UPLOAD, SET_ASIDE, TRASH]))
    name = draw(st.sampled_from(["k0", "k1", "k2"])) + draw(st.sampled_from(["", ".1", ".parts", ".2.seed-7"]))
    return Leftover(what, draw(st.sampled_from(KINDS)), name, n_bytes=1, changed_at=NOW - draw(hours))


def is_young(moment: datetime, need: Need) -> bool:
    """Within the grace time, or since somebody began to work, with a margin."""
    if NOW - moment < need.grace:
        return True
    return need.working_since is not None and moment > need.working_since - MARGIN


def stays(one: Kept, artifacts: list[Kept], need: Need) -> bool:
    """Literally: it is named or young, or something that stays was made from it and still needs it."""
    if one.digest in need.digests or is_young(one.wanted_at, need):
        return True
    return any(one.digest in other.inputs and needs_it(other, one, artifacts, need) for other in artifacts)


def needs_it(other: Kept, one: Kept, artifacts: list[Kept], need: Need) -> bool:
    if not stays(other, artifacts, need):
        return False
    if need.activations or one.kind is not Kind.ACTIVATIONS:
        return True
    shown = any(a.kind is Kind.ATLAS and other.digest in a.inputs and stays(a, artifacts, need) for a in artifacts)
    return other.kind in (Kind.DICTIONARY, Kind.UNIVERSAL) and not shown


@given(stores(), needs())
def test_exactly_those_artifacts_go_that_nothing_needs(artifacts: list[Kept], need: Need) -> None:
    going = {one.thing.digest for one in unneeded(artifacts, [], need) if isinstance(one.thing, Kept)}
    assert going == {one.digest for one in artifacts if not stays(one, artifacts, need)}


@given(stores(), needs())
def test_nothing_that_stays_was_made_from_something_that_goes(artifacts: list[Kept], need: Need) -> None:
    going = {one.thing.digest for one in unneeded(artifacts, [], need) if isinstance(one.thing, Kept)}
    for one in artifacts:
        lost = {two.digest: two.kind for two in artifacts if two.digest in going & one.inputs}
        if one.digest not in going and need.activations:
            assert not lost
        elif one.digest not in going:
            assert set(lost.values()) <= {Kind.ACTIVATIONS}


@given(stores(), needs())
def test_results_go_before_what_they_were_made_from(artifacts: list[Kept], need: Need) -> None:
    order = [one.thing for one in unneeded(artifacts, [], need) if isinstance(one.thing, Kept)]
    for place, one in enumerate(order):
        assert not one.inputs & {earlier.digest for earlier in order[:place]}


@given(stores(), needs())
def test_what_goes_only_without_activations_says_so(artifacts: list[Kept], need: Need) -> None:
    for one in unneeded(artifacts, [], need):
        assert (one.why is Why.LEARNED) == (
            not need.activations
            and isinstance(one.thing, Kept)
            and stays(one.thing, artifacts, Need(**vars(need) | {"activations": True}))
        )


@given(st.lists(leftovers()), needs())
def test_leftovers_go_when_they_are_old_and_no_job_comes_back_to_them(found: list[Leftover], need: Need) -> None:
    going = [one.thing for one in unneeded([], found, need)]
    for one in found:
        resumed = one.what in (DRAFT, SHARED) and one.name[:2] in need.keys
        assert (one in going) == (one.what == TRASH or not (is_young(one.changed_at, need) or resumed))
