"""Universal dictionaries whose joint atoms are on a leash to mixtures of joint patches."""

import pytest
import torch
from torch.nn import functional

from tests.worker.universal.planted import planted_streams, trained
from worker.universal.archetypal import ArchetypalUniversalDictionary
from worker.universal.crossing import cross_r2, diagonal, off_diagonal

SHORT = {"n_candidates": 200, "n_mixed": 16}


@pytest.mark.parametrize("relaxation", [0.2, 0.8])
def test_every_joint_atom_is_near_a_mixture_of_joint_patches(relaxation: float) -> None:
    universal = trained(planted_streams(2000)[0], epochs=2, relaxation=relaxation, **SHORT).dictionary
    assert isinstance(universal, ArchetypalUniversalDictionary)
    shares = universal.logits.detach().softmax(dim=1)
    for k, atom in enumerate(universal.standard_atoms):
        mixture = sum(
            share * universal.candidates[place] for share, place in zip(shares[k], universal.owned[k], strict=True)
        )
        assert float((atom - functional.normalize(mixture, dim=0)).norm()) <= relaxation + 1e-5
    torch.testing.assert_close(universal.standard_atoms.norm(dim=1), torch.ones(universal.n_concepts))


@pytest.mark.slow
def test_a_long_leash_costs_little() -> None:
    stream, held_out = planted_streams(6000)
    free, held = (
        cross_r2(trained(stream, **more).dictionary, held_out).r2 for more in ({}, {"relaxation": 1.0, **SHORT})
    )
    assert diagonal(held) > diagonal(free) - 0.1
    assert off_diagonal(held) > off_diagonal(free) - 0.1
