"""Insertion and deletion against loops that touch one concept after the other."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from store.errors import InvalidInput
from tests.worker.effects.scenes import WINDOW, BentModel, linear_tail, patches, photo
from worker.effects.contributions import contributions
from worker.effects.curves import Curves, Order, Walk, class_curves, cuts
from worker.effects.photo import CodedPhoto
from worker.effects.tails import NetworkTail, Tail
from worker.effects.targets import Target
from worker.models.base import Activations

CLASS = 2


def tail(kind: str, seed: int) -> Tail:
    if kind == "linear":
        return linear_tail()
    found = Activations(patches(seed)[None], torch.zeros(1, 0, patches().shape[2]))
    return NetworkTail(BentModel(), "early", WINDOW, photo=found)


def pairs(kind: str, n: int = 4) -> list[tuple[CodedPhoto, Tail]]:
    return [(photo(seed=seed), tail(kind, seed)) for seed in range(n)]


def score(one: CodedPhoto, of: Tail, *, without: set[int]) -> float:
    state = one.tokens.clone()
    for patch in range(len(state)):
        for concept in without:
            state[patch] -= one.codes_of(concept)[patch] * one.atoms[concept].double()
    return float(of.logits(state.view(1, *one.patches.shape))[0].softmax(0)[CLASS])


def literal(kind: str, order: list[int], walk: Walk, taken: list[int]) -> list[list[float]]:
    """``[photos, steps]``."""
    gone = [set(order[:n]) if walk is Walk.DELETION else set(order[n:]) for n in taken]
    return [[score(one, of, without=some) for some in gone] for one, of in pairs(kind)]


def ranking() -> list[int]:
    """By the mean contribution."""
    total = torch.zeros(16, dtype=torch.float64)
    for one, of in pairs("linear"):
        found = contributions(one, of, Target(CLASS, "mean"))
        total[found.concepts] += found.values
    return torch.sort(total, descending=True, stable=True).indices.tolist()


def found(kind: str = "linear", **settings: object) -> Curves:
    return class_curves(pairs(kind), CLASS, order=ranking(), n_points=6, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["linear", "bent"])
def test_curves_equal_taking_concepts_away_one_by_one(kind: str) -> None:
    curves = found(kind, n_draws=2, seed=5)
    taken = curves.taken.tolist()
    drawn = [np.random.default_rng([5, i]).permutation(sorted(ranking())).tolist() for i in range(2)]
    orders = {Order.MOST: [ranking()], Order.LEAST: [ranking()[::-1]], Order.RANDOM: drawn}
    for order, some in orders.items():
        for walk in Walk:
            slow = np.array([literal(kind, one, walk, taken) for one in some])
            curve = curves.curve(order, walk)
            np.testing.assert_allclose(curve.probability, slow.mean((0, 1)), atol=1e-5)
            error = slow.mean(0).std(axis=0, ddof=1) / 2
            np.testing.assert_allclose(curve.standard_error, error, atol=1e-5)
            areas = []
            for line in slow.mean(1):
                pieces = [
                    (line[i] + line[i + 1]) / 2 * (taken[i + 1] - taken[i]) / taken[-1] for i in range(len(taken) - 1)
                ]
                areas.append(sum(pieces))
            assert curve.area == pytest.approx(sum(areas) / len(areas), abs=1e-5)
            assert curve.area_spread == pytest.approx(np.std(areas, ddof=1) if len(areas) > 1 else 0, abs=1e-5)


def test_ends_are_the_photo_and_what_remains_of_it() -> None:
    curves = found()
    for order in Order:
        there, back = curves.curve(order, Walk.DELETION), curves.curve(order, Walk.INSERTION)
        for end, value in ((0, curves.whole), (-1, curves.remainder)):
            assert there.probability[end] == pytest.approx(value)
            assert back.probability[-1 - end] == pytest.approx(value)
    slow = [float(of.logits(one.reconstruction[None])[0].softmax(0)[CLASS]) for one, of in pairs("linear")]
    assert curves.through == pytest.approx(sum(slow) / len(slow))
    assert curves.n_images == 4


def test_insertion_is_deletion_of_the_opposite_order_read_backwards() -> None:
    curves = class_curves(pairs("linear"), CLASS, order=ranking(), n_points=1000)
    assert curves.taken.tolist() == list(range(17))
    insertion = curves.curve(Order.MOST, Walk.INSERTION).probability
    np.testing.assert_allclose(insertion, curves.curve(Order.LEAST, Walk.DELETION).probability[::-1], atol=1e-9)


def test_a_right_order_falls_faster_and_rises_faster_than_chance_and_than_its_opposite() -> None:
    curves = found(n_draws=16)
    deletion, insertion = (
        [curves.curve(order, walk).area for order in (Order.MOST, Order.RANDOM, Order.LEAST)] for walk in Walk
    )
    assert deletion[0] < deletion[1] < deletion[2]
    assert insertion[0] > insertion[1] > insertion[2]


def test_equal_seeds_give_equal_curves_and_concepts_not_named_stay() -> None:
    one, same, other = found(seed=1), found(seed=1), found(seed=2)
    for curve, again in zip(one.curves, same.curves, strict=True):
        np.testing.assert_array_equal(curve.probability, again.probability)
    random = [curves.curve(Order.RANDOM, Walk.DELETION).probability.tolist() for curves in (one, other)]
    assert random[0] != random[1]
    some = class_curves(pairs("linear"), CLASS, order=ranking()[:3])
    slow = [score(one, of, without=set(ranking()[:3])) for one, of in pairs("linear")]
    assert some.curve(Order.MOST, Walk.DELETION).probability[-1] == pytest.approx(sum(slow) / 4)
    assert some.taken.tolist() == [0, 1, 2, 3]


@given(st.integers(1, 5000), st.integers(1, 60))
def test_steps_go_from_none_to_all(n_concepts: int, n_points: int) -> None:
    steps = cuts(n_concepts, n_points)
    assert steps[0] == 0
    assert steps[-1] == n_concepts
    assert (np.diff(steps) > 0).all()
    assert len(steps) <= n_points + 1


def test_one_photo_has_no_error_and_no_photo_no_curve() -> None:
    only = class_curves(pairs("linear", 1), CLASS, order=ranking(), n_draws=0)
    assert np.isnan(only.curve(Order.MOST, Walk.DELETION).standard_error).all()
    assert {curve.order for curve in only.curves} == {Order.MOST, Order.LEAST}
    for photos, order in (([], [1]), (pairs("linear", 1), [])):
        with pytest.raises(InvalidInput, match="nothing to show"):
            class_curves(photos, CLASS, order=order)
