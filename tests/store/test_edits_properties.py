"""Any edits survive the way through a link."""

import re

from hypothesis import given
from hypothesis import strategies as st

from store.edits import MAX_CODE, MAX_FACTOR, BadEdit, Edit, Edits, Operation, make_edits, parse_edits

patches = st.none() | st.sets(st.integers(0, 400), min_size=1, max_size=40).map(tuple)
amounts = {Operation.SCALE: st.floats(-MAX_FACTOR, MAX_FACTOR), Operation.CLAMP: st.floats(0, MAX_CODE)}


@st.composite
def edits(draw: st.DrawFn) -> Edits:
    made = []
    for concept in draw(st.lists(st.integers(0, 100_000), unique=True, max_size=8)):
        operation = draw(st.sampled_from(Operation))
        amount = draw(amounts[operation]) if operation in amounts else None
        made.append({"concept": concept, "operation": operation, "amount": amount, "patches": draw(patches)})
    return make_edits(made)


@given(edits())
def test_a_text_reads_back_as_the_same_edits(some: Edits) -> None:
    assert parse_edits(some.text) == some
    assert parse_edits(some.text).text == some.text
    assert Edits.model_validate(some.as_json()) == some
    assert re.fullmatch(r"[A-Za-z0-9._~-]*", some.text)  # characters that an address leaves as they are


@given(edits(), st.randoms(use_true_random=False))
def test_the_order_in_which_edits_are_given_does_not_matter(some: Edits, random: object) -> None:
    shuffled = list(some.edits)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert make_edits(shuffled).text == some.text
    assert make_edits(shuffled).digest == some.digest


@given(st.text(alphabet="0123456789_~.-ablteschmp", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_edits(text)
    except BadEdit:
        return
    assert parse_edits(found.text) == found


@given(st.integers(0, 9), st.sets(st.integers(0, 30), min_size=1))
def test_runs_of_patches_are_all_of_them(concept: int, some: set[int]) -> None:
    (edit,) = parse_edits(Edit(concept=concept, patches=tuple(some)).text).edits
    assert edit.patches is not None
    assert set(edit.patches) == some
