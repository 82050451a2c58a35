"""NMF, Semi-NMF and Convex NMF: sums, new atoms, restarts, and what is special about each."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from torch import Tensor
from torch.nn import functional

from store.errors import InvalidInput
from store.methods import ConvexNmfSpec, NmfSpec, SemiNmfSpec
from tests.worker.dictionaries.planted import SPECS, planted_streams
from worker.dictionaries.convex_nmf import ConvexNmfDictionary
from worker.dictionaries.factors import FactorDictionary
from worker.dictionaries.nmf import NmfDictionary
from worker.dictionaries.registry import make_dictionary
from worker.dictionaries.semi_nmf import SemiNmfDictionary
from worker.dictionaries.tokens import MemoryTokens
from worker.metrics.reconstruction import centred_r2
from worker.training.learners import AlternatingLearner
from worker.training.loop import train

FACTORS = pytest.mark.parametrize("method", ["nmf", "semi-nmf", "convex-nmf"])


def started(method: str, **changes: object) -> tuple[FactorDictionary, Tensor]:
    """A dictionary at its start, and standardised tokens as it sees them."""
    stream, _ = planted_streams()
    spec = SPECS[method].model_copy(update=changes)
    dictionary = make_dictionary(spec, stream.width)
    assert isinstance(dictionary, FactorDictionary)
    dictionary.mean.copy_(stream.mean)
    dictionary.scale.fill_(float(stream.std.square().mean().sqrt()))
    sample = dictionary.standardize(stream.tokens[:1000])
    dictionary.start_from(sample, generator=torch.Generator().manual_seed(0), on_iteration=lambda: None)
    return dictionary, dictionary.standardize(stream.tokens[:1000])


def dense_codes(dictionary: FactorDictionary, u: Tensor) -> Tensor:
    return dictionary.standard_codes(u).dense().double()


@FACTORS
def test_sums_are_those_of_all_tokens(method: str) -> None:
    dictionary, u = started(method)
    for part in u.split(300):
        dictionary.absorb(part)
    z = dense_codes(dictionary, u)
    squares, products, *_ = dictionary.sums()
    torch.testing.assert_close(squares, z.t() @ z, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(products, z.t() @ u.double(), rtol=1e-4, atol=1e-3)


@FACTORS
def test_new_atoms_never_raise_the_error_of_given_codes(method: str) -> None:
    """Whatever their norms become: the best multiples of the new atoms are at least as good as the old atoms."""
    dictionary, u = started(method)
    for _ in range(4):
        z = dense_codes(dictionary, u)
        before = (u - z @ dictionary.standard_atoms.double()).square().sum()
        dictionary.absorb(u)
        squares, products, *_ = (tensor.clone() for tensor in dictionary.sums())
        size = squares.diagonal().sqrt()
        found = dictionary.new_atoms(squares / (size[:, None] * size), products / size[:, None], size=size)
        after = (u - (z / size) @ found.double()).square().sum()
        assert after < before
        dictionary.refit()


@FACTORS
def test_with_all_concepts_active_r2_never_falls(method: str) -> None:
    """Codes and atoms are then each the best for the other, or nearer to it."""
    stream, _ = planted_streams()
    spec = SPECS[method].model_copy(update={"n_concepts": 8, "n_active": 8, "n_code_iterations": 200, "epochs": 5})
    r2 = [record.r2_train for record in train(spec, MemoryTokens(stream.tokens[:500])).history]
    assert all(after > before - 1e-5 for before, after in pairwise(r2))
    assert r2[-1] > r2[0] + 0.02


@FACTORS
def test_on_planted_tokens_r2_does_not_fall(method: str) -> None:
    stream, _ = planted_streams()
    spec = SPECS[method].model_copy(update={"epochs": 6})
    r2 = [record.r2_train for record in train(spec, MemoryTokens(stream.tokens[:1000])).history]
    assert all(after > before - 1e-3 for before, after in pairwise(r2))


@FACTORS
def test_a_resumed_epoch_gives_the_same_atoms(method: str) -> None:
    whole, u = started(method)
    first, _ = started(method)
    second = make_dictionary(first.spec, first.width)  # type: ignore[arg-type]
    assert isinstance(second, FactorDictionary)
    whole.absorb(u[:400])
    whole.absorb(u[400:])
    first.absorb(u[:400])
    second.load_state_dict(first.state_dict())
    second.absorb(u[400:])
    for dictionary in (whole, second):
        dictionary.refit()
    assert torch.equal(whole.standard_atoms, second.standard_atoms)


@FACTORS
def test_two_processes_become_one_dictionary(method: str) -> None:
    """Each absorbs its half; the sums of both give both the atoms that one process would have found."""
    alone, u = started(method)
    halves = [started(method)[0], started(method)[0]]
    alone.absorb(u)
    for half, part in zip(halves, (u[::2], u[1::2]), strict=True):
        half.absorb(part)
    totals = [a + b for a, b in zip(*(half.sums() for half in halves), strict=True)]
    for half in halves:
        for mine, total in zip(half.sums(), totals, strict=True):
            mine.copy_(total)
    for dictionary in (alone, *halves):
        dictionary.refit()
    assert torch.equal(halves[0].standard_atoms, halves[1].standard_atoms)
    torch.testing.assert_close(halves[0].standard_atoms, alone.standard_atoms, rtol=1e-3, atol=1e-3)


@FACTORS
def test_a_concept_that_no_token_used_starts_again(method: str) -> None:
    dictionary, u = started(method, n_active=1)
    with torch.no_grad():
        dictionary.decoder[5] = dictionary.decoder[3]  # the first of two equal atoms takes all tokens
    assert not dense_codes(dictionary, u)[:, 5].any()
    lost = dictionary.decoder[5].clone()
    dictionary.absorb(u)
    dictionary.refit()
    assert not torch.allclose(dictionary.decoder[5], lost)
    torch.testing.assert_close(dictionary.decoder.norm(dim=1), torch.ones(16))
    dictionary.spec = dictionary.spec.model_copy(update={"n_active": 3})  # what is left over comes second or third
    assert dense_codes(dictionary, u)[:, 5].any()


@FACTORS
def test_a_finished_dictionary_saves_no_sums(method: str) -> None:
    stream, _ = planted_streams()
    state = train(SPECS[method].model_copy(update={"epochs": 1}), stream).dictionary.state_dict()
    assert all(tensor.numel() == 0 for name, tensor in state.items() if name.startswith("tally."))
    assert state["badly_explained.rows"].numel() == 0


@FACTORS
def test_too_many_concepts_are_refused(method: str) -> None:
    stream, _ = planted_streams()
    spec = SPECS[method].model_copy(update={"n_concepts": 20_000})
    with pytest.raises(InvalidInput, match="20000.*at most 16384"):
        make_dictionary(spec, stream.width)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (NmfSpec(n_concepts=200), "n_concepts is 200.*only 100 tokens"),
        (SemiNmfSpec(n_concepts=200), "n_concepts is 200.*only 100 tokens"),
        (ConvexNmfSpec(n_concepts=20, n_points=300), "n_points is 300.*only 100 tokens"),
    ],
)
def test_fewer_tokens_than_needed_are_refused(spec: NmfSpec | SemiNmfSpec | ConvexNmfSpec, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        train(spec, MemoryTokens(torch.randn(100, 6)))


def test_semi_nmf_atoms_are_those_of_least_squares() -> None:
    dictionary, u = started("semi-nmf")
    expected = torch.linalg.lstsq(dense_codes(dictionary, u), u.double()).solution
    dictionary.absorb(u)
    dictionary.refit()
    torch.testing.assert_close(
        dictionary.standard_atoms.double(), functional.normalize(expected, dim=1), rtol=1e-3, atol=1e-3
    )


def test_semi_nmf_atoms_that_always_come_together_stay_finite() -> None:
    """Two concepts with one token between them: least squares alone has no unique solution."""
    dictionary = SemiNmfDictionary(SemiNmfSpec(n_concepts=2, n_active=2), 3)
    with torch.no_grad():
        dictionary.decoder.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    dictionary.absorb(torch.tensor([[2.0, 1.0, 0.5]]).repeat(4, 1))
    dictionary.refit()
    assert dictionary.standard_atoms.isfinite().all()
    torch.testing.assert_close(dictionary.standard_atoms.norm(dim=1), torch.ones(2))


def non_negative_tokens() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    atoms = functional.normalize(torch.rand(6, 12, generator=generator).square(), dim=1)
    chosen = torch.rand(1200, 6, generator=generator).topk(2, dim=1).indices
    codes = torch.zeros(1200, 6).scatter_(1, chosen, 0.5 + torch.rand(1200, 2, generator=generator))
    return codes @ atoms


def test_nmf_atoms_and_codes_are_non_negative() -> None:
    stream, held_out = planted_streams()
    dictionary = train(SPECS["nmf"].model_copy(update={"epochs": 3}), stream).dictionary
    assert (dictionary.atoms >= 0).all()
    assert (dictionary.encode(held_out.tokens).values >= 0).all()
    assert (dictionary.decode(dictionary.encode(held_out.tokens)) >= dictionary.origin).all()


def test_nmf_explains_non_negative_sums() -> None:
    stream = MemoryTokens(non_negative_tokens())
    trained = train(NmfSpec(n_concepts=6, n_active=3, epochs=20, batch_tokens=400), stream)
    assert centred_r2(trained.dictionary, stream) > 0.95


def test_nmf_origin_is_the_smallest_value_and_what_falls_below_counts_as_equal() -> None:
    stream, _ = planted_streams()
    dictionary = train(SPECS["nmf"].model_copy(update={"epochs": 1}), stream).dictionary
    torch.testing.assert_close(dictionary.origin, stream.tokens.min(dim=0).values, rtol=0, atol=1e-4)
    x = stream.tokens[:50].clone()
    x[:, 0] = dictionary.origin[0]
    lower = x.clone()
    lower[:, 0] -= 5.0
    torch.testing.assert_close(dictionary.encode(lower).dense(), dictionary.encode(x).dense(), rtol=1e-3, atol=1e-3)


def test_nmf_history_measures_r2_about_the_mean() -> None:
    stream, _ = planted_streams()
    trained = train(SPECS["nmf"].model_copy(update={"epochs": 4}), stream)
    assert abs(trained.history[-1].r2_train - centred_r2(trained.dictionary, stream)) < 0.03


def test_nmf_leaves_out_tokens_far_from_the_mean_not_from_its_origin() -> None:
    dictionary, _ = started("nmf")
    assert isinstance(dictionary, NmfDictionary)
    stream, _ = planted_streams()
    x = stream.tokens[:1000]
    norms = (x - dictionary.mean).norm(dim=1) / dictionary.scale
    limit = float(norms.median())
    for norm_limit, expected in ((limit, int((norms <= limit).sum())), (math.inf, 1000)):
        learner = AlternatingLearner(dictionary, tokens_total=1000, norm_limit=norm_limit)
        learner.take(x)
        assert learner.sums.tokens == expected


def test_convex_atoms_lie_in_the_cone_of_their_points() -> None:
    stream, _ = planted_streams()
    spec = ConvexNmfSpec(n_concepts=6, n_active=2, n_points=12, epochs=3, batch_tokens=512)
    dictionary = train(spec, stream).dictionary
    assert isinstance(dictionary, ConvexNmfDictionary)
    assert (dictionary.weights >= 0).all()
    torch.testing.assert_close(dictionary.weights @ dictionary.points, dictionary.atoms, rtol=1e-4, atol=1e-4)
    points = dictionary.points.t().double().numpy()
    for atom in dictionary.atoms:
        assert nnls(points, atom.double().numpy())[1] < 1e-4
    outside = -dictionary.points.sum(dim=0)
    assert nnls(points, outside.double().numpy())[1] > 0.1


def test_convex_points_are_directions_of_training_tokens() -> None:
    dictionary, u = started("convex-nmf")
    assert isinstance(dictionary, ConvexNmfDictionary)
    cosines = dictionary.points @ functional.normalize(u, dim=1).t()
    assert (cosines.max(dim=1).values > 0.9999).all()
    assert len(dictionary.points.unique(dim=0)) == len(dictionary.points)


def test_convex_atoms_start_as_sums_of_their_clusters() -> None:
    dictionary, _ = started("convex-nmf")
    assert isinstance(dictionary, ConvexNmfDictionary)
    used = dictionary.weights > 0
    members = used.sum(dim=0)
    assert members.max() <= 2  # a point belongs to one cluster, and may stand in for an empty one
    for weights, atom in zip(dictionary.weights, dictionary.atoms, strict=True):
        expected = dictionary.points[weights > 0].sum(dim=0)
        np.testing.assert_allclose((expected / expected.norm()).numpy(), atom.numpy(), atol=1e-5)


def test_convex_needs_points_within_the_norm_limit() -> None:
    tokens = torch.cat([torch.randn(60, 5), 50 * torch.randn(60, 5)])
    spec = ConvexNmfSpec(n_concepts=4, n_active=2, n_points=110, norm_limit=1.0)
    with pytest.raises(InvalidInput, match="n_points is 110.*norm_limit"):
        train(spec, MemoryTokens(tokens))
