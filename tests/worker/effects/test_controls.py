"""Controls: drawn by seed, matched by strength, and honest where there is nothing to match."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from store.artifacts import Artifacts
from store.atlas.reader import Atlas
from store.edits import parse_edits
from store.vocabulary import Kind
from tests.factories import SHOWN, make_store
from tests.worker.effects.scenes import N_CONCEPTS, linear_tail, photo, some
from worker.effects.controls import Control, Plan, Strength, ablations, alike, draw, elsewhere, strength_in, strength_on
from worker.effects.editing import edited, movement
from worker.effects.photo import CodedPhoto
from worker.effects.trying import try_edits


def crowded(n_concepts: int = 60, n: int = 12, width: int = 6) -> CodedPhoto:
    """A photo on which many concepts fire, each here and there."""
    codes = (some(n, n_concepts, seed=1).relu() * (some(n, n_concepts, seed=2) > 0.3)).double()
    concepts = (codes > 0).any(dim=0).nonzero()[:, 0]
    atoms = torch.nn.functional.normalize(some(n_concepts, width, seed=3), dim=1)
    patches = some(3, 4, width, seed=4).double()
    return CodedPhoto(patches, concepts, codes[:, concepts], atoms[concepts].double(), atoms, patches.mean((0, 1)))


def test_strengths_equal_counting() -> None:
    made, edits = crowded(), parse_edits("3_ablate_0-4~7_scale_2_3.9")
    found = strength_on(made, edits)
    for concept in range(made.n_concepts):
        codes = [float(made.codes_of(concept)[patch]) for patch in (0, 1, 2, 3, 4, 9)]
        assert found.density[concept] == pytest.approx(sum(code > 0 for code in codes) / 6)
        assert found.energy[concept] == pytest.approx(sum(code**2 for code in codes))


def test_draws_match_within_the_tolerance_and_never_name_the_edited() -> None:
    made, plan = crowded(), Plan(n_draws=40, tolerance=2.0, few=2)
    edits = ablations(made.concepts[:2].tolist())
    strength = strength_on(made, edits)
    draws, moves = alike(made, edits, plan)
    assert len(draws.others) == len(moves) == 40
    for place, concept in enumerate(draws.concepts):
        slow = [
            other
            for other in made.concepts.tolist()
            if other not in draws.concepts
            and 0.5 <= strength.density[other] / strength.density[concept] <= 2
            and 0.5 <= strength.energy[other] / strength.energy[concept] <= 2
        ]
        assert draws.n_matching[place] == len(slow) >= plan.few + 1
        assert {others[place] for others in draws.others} <= set(slow)
    assert draws.too_few == ()
    assert all(len(set(others)) == 2 for others in draws.others)
    assert len(set(draws.others)) > 5


def test_equal_plans_draw_alike_and_other_seeds_otherwise() -> None:
    made, edits = crowded(), ablations([1, 4, 8])
    assert alike(made, edits, Plan(seed=3))[0] == alike(made, edits, Plan(seed=3))[0]
    assert alike(made, edits, Plan(seed=3))[0].others != alike(made, edits, Plan(seed=4))[0].others
    few, many = alike(made, edits, Plan(n_draws=3))[0].others, alike(made, edits, Plan(n_draws=9))[0].others
    assert many[:3] == few


def test_too_few_matches_are_said_and_the_nearest_taken() -> None:
    strength = Strength(np.array([0.5, 0.5, 0.01, 0.02, 0.0]), np.array([9.0, 8.0, 1.0, 2.0, 0.0]))
    draws = draw(Control.ALIKE, strength, [0], eligible=strength.density, plan=Plan(n_draws=8, few=2))
    assert draws.n_matching == (1,)
    assert draws.too_few == (0,)
    assert {others[0] for others in draws.others} == {1, 3}
    nobody = draw(Control.ALIKE, strength, [0], eligible=np.zeros(5), plan=Plan())
    assert nobody.others == ()
    assert nobody.too_few == (0,)
    crowd = draw(Control.ALIKE, strength, [0, 1, 2], eligible=strength.density, plan=Plan())
    assert crowd.others == ()


def test_an_atlas_says_how_strong_concepts_are_in_its_collection(tmp_path: Path) -> None:
    make_store(tmp_path, n_images=8, shown=SHOWN[:1])
    atlas = Atlas(Artifacts(tmp_path).list(Kind.ATLAS)[0])
    found = strength_in(atlas.columns)
    assert found.density.tolist() == [atlas.concept(k)["density"] for k in range(atlas.n_concepts)]
    assert found.energy.tolist() == [atlas.concept(k)["energy"] for k in range(atlas.n_concepts)]


def test_silent_concepts_are_alike_what_is_silent() -> None:
    strength = Strength(np.array([0.0, 0.0, 0.3]), np.array([0.0, 0.0, 1.0]))
    assert strength.distances(0)[1] == 0
    assert strength.distances(0)[2] > math.log(1000)


@given(st.integers(1, 6), st.integers(0, 10), st.floats(1.0, 5.0))
def test_any_draw_is_of_distinct_eligible_others(n_edited: int, seed: int, tolerance: float) -> None:
    rng = np.random.default_rng(seed)
    strength = Strength(rng.random(20), rng.random(20))
    eligible = (rng.random(20) > 0.4).astype(float)
    concepts = rng.choice(20, n_edited, replace=False).tolist()
    draws = draw(Control.ALIKE, strength, concepts, eligible=eligible, plan=Plan(4, seed, tolerance))
    free = {k for k in range(20) if eligible[k] and k not in concepts}
    assert len(draws.others) == (4 if len(free) >= n_edited else 0)
    for others in draws.others:
        assert len(set(others)) == n_edited
        assert set(others) <= free


def test_elsewhere_moves_the_photo_by_the_same_codes() -> None:
    made, edits = crowded(), parse_edits("2_scale_3_0-5")
    flat = Strength(np.ones(60), np.ones(60))
    draws, moves = elsewhere(made, edits, Plan(n_draws=5), collection=flat)
    codes = movement(made, edits).changes[:, 0]
    for (other,), move in zip(draws.others, moves, strict=True):
        slow = made.patches + torch.stack([code * made.atoms[other].double() for code in codes]).view(3, 4, -1)
        torch.testing.assert_close(move.applied(made), slow)
        assert move.size == pytest.approx(movement(made, edits).size)


def test_controls_are_the_edit_done_to_others() -> None:
    made, tail, edits = photo(), linear_tail(), ablations([int(photo().concepts[0])])
    strength = Strength(np.ones(N_CONCEPTS), np.ones(N_CONCEPTS))
    effect = try_edits(made, tail, edits, plan=Plan(n_draws=3), collection=strength)
    (first, second) = effect.controls
    assert (first.draws.kind, second.draws.kind) == (Control.ALIKE, Control.ELSEWHERE)
    for place, (other,) in enumerate(first.draws.others):
        slow = tail.logits(edited(made, ablations([other]))[None])[0]
        torch.testing.assert_close(first.logits[place], slow)
        change = slow.softmax(0)[1] - effect.before.probabilities[1]
        assert float(effect.control_changes(first, 1)[place]) == pytest.approx(float(change))
    assert second.sizes.tolist() == pytest.approx([effect.size] * 3)
    assert try_edits(made, tail, parse_edits("")).controls == ()
