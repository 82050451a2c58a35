"""What is special about our archetypes: the simplex, the leash, and archetypes that follow."""

import math

import pytest
import torch
from scipy.optimize import linprog
from torch.nn import functional

from store.methods import ArchetypalSpec
from tests.worker.dictionaries.planted import SPECS, planted_streams
from worker.dictionaries.archetypal import ArchetypalDictionary
from worker.dictionaries.learned import Moment
from worker.training.loop import train


@torch.enable_grad()
def trained(**changes: object) -> ArchetypalDictionary:
    stream, _ = planted_streams()
    dictionary = train(SPECS["archetypal"].model_copy(update={"epochs": 3, **changes}), stream).dictionary
    assert isinstance(dictionary, ArchetypalDictionary)
    return dictionary


@pytest.mark.parametrize("relaxation", [0.0, 0.5])
def test_mixtures_stay_on_the_simplex_and_move(relaxation: float) -> None:
    dictionary = trained(relaxation=relaxation)
    assert (dictionary.mixture >= 0).all()
    torch.testing.assert_close(dictionary.mixture.sum(dim=1), torch.ones(16))
    assert (dictionary.owned.sort(dim=1).values.diff(dim=1) > 0).all()
    shorter = trained(relaxation=relaxation, epochs=1)
    assert torch.equal(shorter.owned, dictionary.owned)
    assert (shorter.mixture - dictionary.mixture).abs().max() > 1e-3


@torch.no_grad()
def test_archetypes_are_the_literal_mixtures() -> None:
    dictionary = trained()
    archetypes = dictionary.make_archetypes()
    for k in range(16):
        weights = dictionary.logits[k].exp() / dictionary.logits[k].exp().sum()
        point = torch.zeros(dictionary.width)
        for weight, owner in zip(weights, dictionary.owned[k], strict=True):
            point += weight * dictionary.candidates[owner]
        torch.testing.assert_close(archetypes[k], point / point.norm())


@torch.no_grad()
def test_without_relaxation_atoms_are_archetypes_in_the_cone_of_the_candidates() -> None:
    """Literal: non-negative weights of ALL candidates that give the atom exist."""
    dictionary = trained(relaxation=0.0)
    torch.testing.assert_close(dictionary.atoms, dictionary.make_archetypes())
    for atom in dictionary.atoms.double()[:4]:
        candidates = dictionary.candidates.double()
        found = linprog(torch.ones(len(candidates)).numpy(), A_eq=candidates.t().numpy(), b_eq=atom.numpy())
        residual = torch.from_numpy(found.x) @ candidates - atom
        assert residual.abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("relaxation", [0.1, 0.3])
def test_no_atom_leaves_its_leash_and_some_reach_the_end(relaxation: float) -> None:
    dictionary = trained(relaxation=relaxation)
    distances = (dictionary.atoms - dictionary.make_archetypes()).norm(dim=1)
    assert distances.max() <= relaxation * 1.001
    assert distances.max() >= relaxation * 0.99


@torch.no_grad()
def test_project_moves_only_what_is_too_far_and_along_the_arc() -> None:
    dictionary = trained(relaxation=0.5)
    archetypes = dictionary.make_archetypes()
    across = functional.normalize(torch.randn(16, dictionary.width), dim=1)
    across = functional.normalize(across - (across * archetypes).sum(dim=1, keepdim=True) * archetypes, dim=1)
    limit = 2 * math.asin(0.5 / 2)  # the angle whose chord is 0.5

    def turned(k: int, angle: float) -> torch.Tensor:
        return math.cos(angle) * archetypes[k] + math.sin(angle) * across[k]

    dictionary.decoder.copy_(archetypes)
    dictionary.decoder[0] = 3 * turned(0, 1.2)
    dictionary.decoder[1] = turned(1, 2.5)
    dictionary.decoder[2] = 0.1 * turned(2, 0.4)
    dictionary.project()
    expected = archetypes.clone()
    expected[0], expected[1], expected[2] = turned(0, limit), turned(1, limit), turned(2, 0.4)
    torch.testing.assert_close(dictionary.decoder.detach(), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_archetypes_follow_their_atoms() -> None:
    """At the end the mixture is nearer to its atom than the one the atom started from, mostly."""
    first = trained(relaxation=2.0, epochs=1, lr=1e-9)
    last = trained(relaxation=2.0, epochs=12)
    assert torch.equal(first.owned, last.owned)
    before = (first.make_archetypes() * last.atoms).sum(dim=1)
    after = (last.make_archetypes() * last.atoms).sum(dim=1)
    assert float((after > before).double().mean()) > 0.8


def test_archetypes_do_not_disturb_the_atoms() -> None:
    """Free atoms learn the same whatever mixtures follow them."""
    few, many = (trained(relaxation=2.0, n_mixed=n, clip=1e6, epochs=1, lr=1e-9) for n in (1, 16))
    assert not torch.equal(few.make_archetypes(), many.make_archetypes())
    copied = few.state_dict() | {"logits": many.logits.detach(), "owned": many.owned}
    inputs = few.standardize(planted_streams()[0].tokens[:100])
    losses = []
    for state, dictionary in ((few.state_dict(), few), (copied, many)):
        dictionary.load_state_dict(state)
        dictionary.zero_grad()
        found = dictionary.learn(inputs, dictionary.make_atoms(), moment=Moment(0, 0.0))
        found.loss.backward()  # type: ignore[no-untyped-call]
        assert dictionary.decoder.grad is not None
        assert dictionary.logits.grad is not None
        losses.append((found.loss.detach(), dictionary.decoder.grad.clone()))
    torch.testing.assert_close(losses[0][0], losses[1][0])
    torch.testing.assert_close(losses[0][1], losses[1][1])


def test_spec_says_when_candidates_do_not_suffice() -> None:
    with pytest.raises(ValueError, match="n_mixed"):
        ArchetypalSpec(n_candidates=4, n_mixed=8)
