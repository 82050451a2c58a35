"""Edits against their literal form: codes changed one by one, decoded, and the error added back."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from store.edits import BadEdit, Edit, Edits, make_edits, parse_edits
from tests.worker.effects.scenes import ALL_METHODS, GRID, N_CONCEPTS, WINDOW, BentModel, dictionary, patches, photo
from tests.worker.effects.scenes import linear_tail as linear
from worker.dictionaries.base import SparseCodes
from worker.effects.editing import edited, movement
from worker.effects.tails import NetworkTail
from worker.effects.trying import try_edits
from worker.models.base import Activations

N_PATCHES = GRID[0] * GRID[1]


def literal(method: str, edits: Edits) -> Tensor:
    """``decode(z') + (x - decode(z))`` with every code touched by hand."""
    of, x = dictionary(method), patches().flatten(0, 1)
    codes = of.encode(x).dense()
    changed = codes.clone()
    for edit in edits.edits:
        for patch in range(N_PATCHES) if edit.patches is None else edit.patches:
            before = float(codes[patch, edit.concept])
            changed[patch, edit.concept] = {
                "ablate": 0.0, "scale": before * (edit.amount or 0), "clamp": edit.amount or 0.0
            }[edit.operation.value]  # fmt: skip
    everything = torch.arange(N_CONCEPTS).expand(N_PATCHES, -1)
    through, after = (of.decode(SparseCodes(everything, z, N_CONCEPTS)) for z in (codes, changed))
    return (after + (x - through)).view(*GRID, -1)


@pytest.mark.parametrize("method", ALL_METHODS)
def test_edits_equal_decoding_the_changed_codes_and_adding_the_error_back(method: str) -> None:
    for text in ("3_ablate", "2_scale_2.5_0-3~5_clamp_1.5", "1_clamp_0.7_4.6~1_scale_3_0-2~9_ablate_11"):
        found = edited(photo(method), parse_edits(text))
        torch.testing.assert_close(found.float(), literal(method, parse_edits(text)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("method", ALL_METHODS)
def test_an_edit_of_nothing_changes_nothing(method: str) -> None:
    made = photo(method)
    silent = next((k for k in range(N_CONCEPTS) if k not in made.concepts), None)
    nothing = [Edits(), make_edits([{"concept": k, "operation": "scale", "amount": 1} for k in range(N_CONCEPTS)])]
    nothing += [] if silent is None else [make_edits([{"concept": silent}])]
    for edits in nothing:
        torch.testing.assert_close(edited(made, edits), made.patches, rtol=0, atol=1e-5)
        for tail in (linear(), bent()):
            effect = try_edits(made, tail, edits)
            torch.testing.assert_close(effect.after.logits, effect.before.logits, rtol=0, atol=1e-5)
            assert effect.size == 0


def bent() -> NetworkTail:
    return NetworkTail(
        BentModel(), "early", WINDOW, photo=Activations(patches()[None], torch.zeros(1, 0, patches().shape[2]))
    )


@pytest.mark.parametrize("tail", [linear(), "bent"])
def test_logits_after_an_edit_are_those_of_the_edited_patches(tail: object) -> None:
    of = bent() if tail == "bent" else linear()
    made, edits = photo(), parse_edits("3_ablate~5_clamp_2_0-4")
    effect = try_edits(made, of, edits)
    for found, state in ((effect.before, made.patches), (effect.after, edited(made, edits))):
        torch.testing.assert_close(found.logits, of.logits(state[None])[0], rtol=0, atol=1e-5)
    moved = (edited(made, edits) - made.patches).flatten(0, 1)
    slow = (sum(float(row @ row) for row in moved) / N_PATCHES) ** 0.5
    assert effect.size == pytest.approx(slow)
    expected = of.logits(edited(made, edits)[None])[0].softmax(0)[2] - of.logits(made.patches[None])[0].softmax(0)[2]
    assert effect.change(2) == pytest.approx(float(expected), abs=1e-6)


@st.composite
def some_edits(draw: st.DrawFn) -> Edits:
    made = []
    for concept in draw(st.lists(st.integers(0, N_CONCEPTS - 1), unique=True, min_size=1, max_size=4)):
        operation = draw(st.sampled_from(["ablate", "scale", "clamp"]))
        amount = None if operation == "ablate" else draw(st.floats(0, 5))
        where = draw(st.none() | st.sets(st.integers(0, N_PATCHES - 1), min_size=1).map(tuple))
        made.append({"concept": concept, "operation": operation, "amount": amount, "patches": where})
    return make_edits(made)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(some_edits(), st.sampled_from(["topk", "batchtopk", "matching-pursuit"]))
def test_any_edits_equal_their_literal_form(edits: Edits, method: str) -> None:
    torch.testing.assert_close(edited(photo(method), edits).float(), literal(method, edits), rtol=0, atol=1e-4)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(some_edits())
def test_only_the_named_patches_move(edits: Edits) -> None:
    moved = (edited(photo(), edits) - photo().patches).abs().sum(dim=2).flatten() > 1e-9
    named = {p for edit in edits.edits for p in (range(N_PATCHES) if edit.patches is None else edit.patches)}
    assert set(moved.nonzero()[:, 0].tolist()) <= named


def test_what_is_not_there_cannot_be_edited() -> None:
    with pytest.raises(BadEdit, match="no concept 16"):
        movement(photo(), parse_edits("16_ablate"))
    with pytest.raises(BadEdit, match="no patch 12"):
        movement(photo(), Edits(edits=(Edit(concept=1, patches=(12,)),)))
