"""A-SAE and RA-SAE as published: their formulas, their constraints, and whose seeds move what."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn import functional

from store.methods import PublishedArchetypalSpec, load_dictionary_spec
from tests.worker.dictionaries.planted import SPECS, WIDTH, planted_streams
from worker.dictionaries.archetypal_dense import DenseArchetypalDictionary
from worker.dictionaries.archetypal_published import PublishedArchetypalDictionary
from worker.dictionaries.registry import make_dictionary
from worker.training.loop import train


def started(method: str, **changes: object) -> tuple[Any, Tensor]:
    stream, _ = planted_streams()
    dictionary = make_dictionary(load_dictionary_spec(SPECS[method].as_json() | changes), WIDTH)
    dictionary.mean.copy_(stream.mean)
    inputs = dictionary.standardize(stream.tokens)
    dictionary.start_from(inputs, generator=torch.Generator().manual_seed(0), on_iteration=lambda: None)
    return dictionary, inputs


def test_dense_atoms_are_the_literal_mixtures_of_all_candidates() -> None:
    dictionary, _ = started("archetypal-dense")
    assert isinstance(dictionary, DenseArchetypalDictionary)
    for k in (0, 7):
        shares = [float(share) for share in dictionary.mixture[k]]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert min(shares) >= 0
        mixed = sum(share * point for share, point in zip(shares, dictionary.candidates, strict=True))
        assert isinstance(mixed, Tensor)
        torch.testing.assert_close(dictionary.make_atoms()[k].detach(), mixed / mixed.norm(), rtol=1e-4, atol=1e-5)


def test_dense_weights_stay_on_the_simplex() -> None:
    trained = train(SPECS["archetypal-dense"].model_copy(update={"epochs": 2}), planted_streams()[0]).dictionary
    assert isinstance(trained, DenseArchetypalDictionary)
    torch.testing.assert_close(trained.mixture.sum(dim=1), torch.ones(trained.n_concepts))
    assert (trained.mixture >= 0).all()


def test_published_atoms_start_at_their_candidates() -> None:
    dictionary, _ = started("archetypal-published")
    assert isinstance(dictionary, PublishedArchetypalDictionary)
    torch.testing.assert_close(dictionary.make_atoms().detach(), dictionary.candidates[: dictionary.n_concepts])


@torch.no_grad()
def test_published_projection_is_clip_renormalise_and_shorten() -> None:
    dictionary, _ = started("archetypal-published", relaxation=0.5)
    dictionary.weights.copy_(torch.randn_like(dictionary.weights))
    dictionary.offset.copy_(torch.randn_like(dictionary.offset))
    weights, offset = dictionary.weights.clone(), dictionary.offset.clone()
    dictionary.project()
    for k in range(dictionary.n_concepts):
        clipped = [max(float(w), 0.0) for w in weights[k]]
        expected = torch.tensor([w / (sum(clipped) + 1e-8) for w in clipped])
        torch.testing.assert_close(dictionary.weights[k], expected, rtol=1e-4, atol=1e-6)
        shortened = offset[k] * min(1.0, 0.5 / float(offset[k].norm()))
        torch.testing.assert_close(dictionary.offset[k], shortened, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_without_projection_nothing_is_clipped() -> None:
    dictionary, _ = started("archetypal-published", project=False)
    dictionary.weights.copy_(torch.randn_like(dictionary.weights))
    before = dictionary.weights.clone()
    dictionary.project()
    assert torch.equal(dictionary.weights, before)


def test_unit_atoms_and_scaled_codes_reconstruct_what_the_published_ones_do() -> None:
    dictionary = train(SPECS["archetypal-published"].model_copy(update={"epochs": 2}), planted_streams()[0]).dictionary
    assert isinstance(dictionary, PublishedArchetypalDictionary)
    u = dictionary.standardize(planted_streams()[1].tokens)
    with torch.no_grad():
        pre_codes = dictionary.pre_codes(u)
        kept = pre_codes >= pre_codes.topk(dictionary.spec.n_active).values[:, -1:]
        published = torch.where(kept, pre_codes, 0.0).relu() @ dictionary.make_atoms()
    ours = dictionary.standard_codes(u).dense() @ dictionary.standard_atoms
    torch.testing.assert_close(ours, published, rtol=1e-3, atol=1e-4)


def test_published_needs_a_candidate_for_every_atom() -> None:
    with pytest.raises(ValidationError, match=r"n_candidates \(8\) is below n_concepts \(16\)"):
        PublishedArchetypalSpec(n_concepts=16, n_active=2, n_candidates=8)


@pytest.mark.parametrize("method", ["archetypal", "archetypal-dense", "archetypal-published"])
def test_candidates_follow_their_own_seed(method: str) -> None:
    first, same, other = (started(method, candidate_seed=seed)[0].candidates for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    again = started(method, seed=9)[0].candidates
    assert torch.equal(first, again)
    norms = functional.normalize(first, dim=1).norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(len(first)))
