"""What is special about archetypes: the simplex, the hull, the leash."""

import pytest
import torch
from scipy.optimize import linprog

from store.methods import ArchetypalSpec
from tests.worker.dictionaries.planted import SPECS, planted_streams
from worker.dictionaries.archetypal import ArchetypalDictionary
from worker.training.loop import train


def trained(**changes: object) -> ArchetypalDictionary:
    stream, _ = planted_streams()
    dictionary = train(SPECS["archetypal"].model_copy(update={"epochs": 3, **changes}), stream).dictionary
    assert isinstance(dictionary, ArchetypalDictionary)
    return dictionary


def test_mixtures_stay_on_the_simplex_and_move() -> None:
    dictionary = trained()
    assert (dictionary.mixture >= 0).all()
    torch.testing.assert_close(dictionary.mixture.sum(dim=1), torch.ones(16))
    assert (dictionary.owned.sort(dim=1).values.diff(dim=1) > 0).all()
    shorter = trained(epochs=1)
    assert torch.equal(shorter.owned, dictionary.owned)
    assert (shorter.mixture - dictionary.mixture).abs().max() > 1e-3


def test_without_relaxation_atoms_lie_in_the_cone_of_the_candidates() -> None:
    """Literal: non-negative weights of ALL candidates that give the atom exist."""
    dictionary = trained(relaxation=0.0)
    assert not dictionary.offset.any()
    for atom in dictionary.atoms.double()[:4]:
        candidates = dictionary.candidates.double()
        found = linprog(torch.ones(len(candidates)).numpy(), A_eq=candidates.t().numpy(), b_eq=atom.numpy())
        residual = torch.from_numpy(found.x) @ candidates - atom
        assert residual.abs().max() < 1e-5


@pytest.mark.parametrize("relaxation", [0.1, 0.5])
def test_relaxation_keeps_its_leash(relaxation: float) -> None:
    dictionary = trained(relaxation=relaxation)
    with torch.no_grad():
        limit = relaxation * dictionary.make_archetypes().norm(dim=1).mean()
    norms = dictionary.offset.norm(dim=1)
    assert 0 < norms.max() <= limit * 1.0001


def test_project_shortens_only_what_is_too_long() -> None:
    dictionary = trained(relaxation=0.5)
    limit = 0.5 * dictionary.make_archetypes().detach().norm(dim=1).mean()
    with torch.no_grad():
        dictionary.offset.zero_()
        dictionary.offset[0, 0] = 10 * limit
        dictionary.offset[1, 0] = limit / 2
    dictionary.project()
    expected = torch.zeros_like(dictionary.offset)
    expected[0, 0], expected[1, 0] = limit, limit / 2
    torch.testing.assert_close(dictionary.offset.detach(), expected)


def test_atoms_are_the_literal_mixtures() -> None:
    dictionary = trained(relaxation=0.5)
    for k in range(16):
        weights = dictionary.logits[k].detach().exp() / dictionary.logits[k].detach().exp().sum()
        point = dictionary.offset[k].detach().clone()
        for weight, owner in zip(weights, dictionary.owned[k], strict=True):
            point += weight * dictionary.candidates[owner]
        torch.testing.assert_close(dictionary.atoms[k], point / point.norm())


def test_spec_says_when_candidates_do_not_suffice() -> None:
    with pytest.raises(ValueError, match="n_mixed"):
        ArchetypalSpec(n_candidates=4, n_mixed=8)
