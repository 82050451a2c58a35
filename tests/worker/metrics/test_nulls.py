"""Nulls know nothing, and are as good as such a thing can be."""

from functools import cache

import numpy as np
import pytest
import torch
from scipy.sparse import csc_matrix

from tests.worker.dictionaries.planted import N_ACTIVE, N_CONCEPTS, SPECS, WIDTH, planted_streams
from worker.dictionaries.base import Dictionary
from worker.metrics.nulls import FixedAtoms, fit_gain, permuted_codes, random_atoms, token_atoms
from worker.training.loop import train


@cache
def dictionary() -> Dictionary:
    return train(SPECS["topk"].model_copy(update={"epochs": 1}), planted_streams()[0]).dictionary


def test_gain_is_the_best_one() -> None:
    """Literal: the best of many gains, none better."""
    stream, held_out = planted_streams()
    atoms = random_atoms(N_CONCEPTS, WIDTH, seed=3)
    centred = held_out.tokens - stream.mean
    projections = centred @ atoms.t()
    kept = projections >= projections.sort(dim=1, descending=True).values[:, N_ACTIVE - 1 : N_ACTIVE]
    output = torch.where(kept, projections, 0.0).relu() @ atoms
    gains = torch.linspace(0, 2, 401)
    scores = [1 - float((centred - g * output).square().sum() / centred.square().sum()) for g in gains]
    found = fit_gain(FixedAtoms.beside(dictionary(), atoms, l0=float(N_ACTIVE)), held_out, batch_tokens=50)
    assert found.r2 == pytest.approx(max(scores), abs=1e-4)
    assert found.r2 >= max(scores) - 1e-6
    assert found.gain == pytest.approx(float(gains[int(np.argmax(scores))]), abs=0.006)
    assert found.usage.counts.sum() == (kept & (projections > 0)).sum()


@pytest.mark.parametrize(("l0", "n_active"), [(2.6, 3), (0.0, 1), (99.0, N_CONCEPTS)])
def test_fixed_atoms_fire_as_often_as_the_dictionary(l0: float, n_active: int) -> None:
    assert FixedAtoms.beside(dictionary(), random_atoms(N_CONCEPTS, WIDTH, seed=0), l0=l0).n_active == n_active


def test_atoms_at_right_angles_to_all_tokens_explain_nothing() -> None:
    _, held_out = planted_streams()
    fixed = FixedAtoms(torch.zeros(2, WIDTH), dictionary().mean, 1)
    assert fit_gain(fixed, held_out).r2 == 0.0


def test_token_atoms_are_centred_training_tokens_at_norm_one() -> None:
    stream, _ = planted_streams()
    atoms = token_atoms(dictionary(), stream.tokens, seed=0)
    directions = torch.nn.functional.normalize(stream.tokens - stream.mean, dim=1)
    assert atoms.shape == dictionary().atoms.shape
    torch.testing.assert_close((atoms @ directions.t()).max(dim=1).values, torch.ones(N_CONCEPTS))
    assert len(token_atoms(dictionary(), stream.tokens[:5], seed=0)) == 5


def test_token_atoms_of_a_whitened_dictionary_are_directions_of_raw_tokens() -> None:
    stream, _ = planted_streams()
    spec = SPECS["topk"].model_copy(update={"epochs": 1, "whiten": True})
    whitened = train(spec, stream).dictionary
    torch.testing.assert_close(
        token_atoms(whitened, stream.tokens, seed=2), token_atoms(dictionary(), stream.tokens, seed=2)
    )


def test_random_atoms_have_norm_one_and_no_direction() -> None:
    atoms = random_atoms(4000, 10, seed=1)
    torch.testing.assert_close(atoms.norm(dim=1), torch.ones(4000))
    assert atoms.mean(dim=0).abs().max() < 0.03
    assert not torch.equal(random_atoms(5, 4, seed=1), random_atoms(5, 4, seed=2))


def test_permuted_codes_keep_each_concept_s_values() -> None:
    random = np.random.default_rng(0)
    dense = np.where(random.random((40, 7)) < 0.3, random.random((40, 7)), 0.0)
    dense[:, 6] = 0
    found = permuted_codes(csc_matrix(dense), seed=5).toarray()
    for k in range(7):
        np.testing.assert_array_equal(np.sort(found[:, k]), np.sort(dense[:, k]))
    assert not np.array_equal(found, dense)
    moved = [tuple(np.flatnonzero(found[:, k])) for k in range(6)]
    assert len(set(moved)) == 6, "each concept has an order of its own"
