"""Stability of dictionaries whose likeness is known, and against every permutation."""

import itertools
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from store.errors import InvalidInput
from store.methods import TopKSpec
from store.metrics import GROUPS, METRICS
from tests.worker.dictionaries.planted import SPECS, planted_streams
from worker.dictionaries.base import Dictionary
from worker.dictionaries.registry import make_dictionary
from worker.dictionaries.topk import TopKDictionary
from worker.metrics.density import Usage, usage_of
from worker.metrics.stability import stability, subspace_overlap
from worker.training.loop import train

WIDTH = 6


def dictionary_with(atoms: Tensor, *, mean: Tensor | None = None) -> Dictionary:
    made = make_dictionary(TopKSpec(n_concepts=len(atoms), n_active=1), atoms.shape[1])
    assert isinstance(made, TopKDictionary)
    with torch.no_grad():
        made.decoder.copy_(functional.normalize(atoms, dim=1))
        made.mean.copy_(torch.zeros(atoms.shape[1]) if mean is None else mean)
    return made


def used(*strengths: float) -> Usage:
    totals = torch.tensor(strengths, dtype=torch.float64)
    return Usage((totals > 0).long() * 2, totals * 2, 10)


def some_atoms(n: int, *, seed: int = 0, width: int = WIDTH) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def test_every_number_is_defined_and_in_range() -> None:
    first, second = some_atoms(5), some_atoms(5, seed=1)
    found = stability(dictionary_with(first), dictionary_with(second), usage=(used(*[1.0] * 5), used(*[1.0] * 5)))
    assert set(found) == {metric.key for metric in GROUPS["stability"]}
    for key, value in found.items():
        low, high = METRICS[key].low, METRICS[key].high
        assert low is not None
        assert high is not None
        assert low <= value <= high


def test_stability_equals_its_literal_twin() -> None:
    """The best of all permutations of alive atoms; with the mean; without signs."""
    mean = some_atoms(1, seed=9)[0]
    first, second = (functional.normalize(some_atoms(5, seed=seed), dim=1) for seed in (0, 1))
    strengths = (1.0, 0.0, 2.0, 0.5, 3.0), (0.7, 1.5, 0.0, 2.5, 0.0)
    found = stability(
        dictionary_with(first, mean=mean),
        dictionary_with(second, mean=mean),
        usage=(used(*strengths[0]), used(*strengths[1])),
    )
    ours = [(first[k], mean + strengths[0][k] * first[k]) for k in (0, 2, 3, 4)]
    theirs = [(second[k], mean + strengths[1][k] * second[k]) for k in (0, 1, 3)]

    def best(place: int, *, absolute: bool = False) -> tuple[float, list[float]]:
        totals = []
        for order in itertools.permutations(range(4), 3):
            pairs = [functional.cosine_similarity(ours[i][place], theirs[j][place], dim=0) for j, i in enumerate(order)]
            values = [abs(float(pair)) if absolute else float(pair) for pair in pairs]
            totals.append((sum(values), values))
        return max(totals)

    assert found["stability"] == pytest.approx(best(0)[0] / 4, abs=1e-6)
    assert found["stability_uncentred"] == pytest.approx(best(1)[0] / 4, abs=1e-6)
    assert found["pw_mcc"] == pytest.approx(best(0, absolute=True)[0] / 4, abs=1e-6)
    assert found["matched_share"] == sum(value > 0.9 for value in best(0)[1]) / 4
    assert found["matching_gap"] == 0


def test_a_permuted_dictionary_is_the_same_and_its_dead_atoms_do_not_count() -> None:
    first = some_atoms(8, width=40)
    order = torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
    second = first[order].clone()
    second[2] = some_atoms(1, seed=4, width=40)[0]  # where the first's dead atom stood
    usage = used(*[1.0] * 7, 0.0), used(1.0, 1.0, 0.0, *[1.0] * 5)
    found = stability(dictionary_with(first), dictionary_with(second), usage=usage)
    for key in ("stability", "stability_uncentred", "pw_mcc", "matched_share", "subspace_overlap"):
        assert found[key] == pytest.approx(1, abs=1e-5), key
    assert found["stability_random_atoms"] < 0.5
    assert found["stability_permuted"] < 0.5
    assert found["matched_share_random_atoms"] == 0


def test_an_atom_and_its_opposite_are_two_concepts() -> None:
    atoms = some_atoms(4, width=40)
    found = stability(dictionary_with(atoms), dictionary_with(-atoms), usage=(used(*[1.0] * 4), used(*[1.0] * 4)))
    assert found["pw_mcc"] == pytest.approx(1, abs=1e-5)
    assert found["stability"] < 0.5
    assert found["subspace_overlap"] == pytest.approx(1, abs=1e-5)


def test_a_common_mean_makes_anything_look_stable_but_not_when_centred() -> None:
    mean = 10 * some_atoms(1, seed=9, width=40)[0]
    first, second = (dictionary_with(some_atoms(6, seed=seed, width=40), mean=mean) for seed in (0, 1))
    found = stability(first, second, usage=(used(*[1.0] * 6), used(*[1.0] * 6)))
    assert found["stability_uncentred"] > 0.99
    assert found["stability_uncentred_random_atoms"] > 0.99
    assert found["stability"] < 0.4


def test_the_second_of_unequal_width_or_without_living_concepts_is_refused() -> None:
    five = dictionary_with(some_atoms(5))
    with pytest.raises(InvalidInput, match="widths 6 and 7"):
        stability(five, dictionary_with(some_atoms(5, width=7)), usage=(used(*[1.0] * 5), used(*[1.0] * 5)))
    with pytest.raises(InvalidInput, match="no concept that fires"):
        stability(five, five, usage=(used(*[1.0] * 5), used(*[0.0] * 5)))


def test_beyond_the_exact_limit_the_gap_is_reported() -> None:
    first, second = (dictionary_with(some_atoms(60, seed=seed)) for seed in (0, 1))
    usage = used(*[1.0] * 60), used(*[1.0] * 60)
    exact, auctioned = (stability(first, second, usage=usage, exact_limit=limit) for limit in (8192, 10))
    assert auctioned["stability"] == pytest.approx(exact["stability"], abs=2e-4)
    assert 0 <= exact["stability"] - auctioned["stability"] + 1e-6 <= auctioned["matching_gap"] + 2e-6 < 2e-4


def test_subspace_overlap_equals_the_cosines_of_principal_angles() -> None:
    first, second = some_atoms(9), some_atoms(7, seed=1)
    spans = [torch.linalg.svd(atoms.double(), full_matrices=False).Vh[:3] for atoms in (first, second)]
    cosines = torch.linalg.svdvals(spans[0] @ spans[1].t())
    assert subspace_overlap(first, second, n_directions=3) == pytest.approx(float(cosines.square().mean()), abs=1e-9)
    assert subspace_overlap(torch.eye(6)[:2], torch.eye(6)[4:], n_directions=2) == pytest.approx(0)


@cache
def trained(seed: int) -> tuple[Dictionary, Usage]:
    stream, held_out = planted_streams()
    found = train(SPECS["topk"].model_copy(update={"seed": seed, "order_seed": seed}), stream).dictionary
    return found, usage_of(found, held_out)


def test_trainings_that_find_the_planted_atoms_are_stable() -> None:
    first, second = trained(0), trained(1)
    found = stability(first[0], second[0], usage=(first[1], second[1]))
    assert found["stability"] > 0.85
    assert found["stability_random_atoms"] < 0.5
    assert found["stability_permuted"] < 0.5
