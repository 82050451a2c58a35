"""What is special about the matching pursuit dictionary: steps that may change, and help for dead concepts."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from store.errors import InvalidInput
from store.methods import MatchingPursuitSpec
from tests.worker.dictionaries.planted import N_ACTIVE, N_CONCEPTS, planted_streams
from worker.dictionaries.learned import Moment
from worker.dictionaries.matching_pursuit import MatchingPursuitDictionary, help_for_dead
from worker.metrics.reconstruction import centred_r2
from worker.training.loop import train

SPEC = MatchingPursuitSpec(n_concepts=N_CONCEPTS, n_active=N_ACTIVE, epochs=2, batch_tokens=256)


def started(spec: MatchingPursuitSpec = SPEC) -> tuple[MatchingPursuitDictionary, torch.Tensor]:
    stream, _ = planted_streams()
    dictionary = MatchingPursuitDictionary(spec, stream.width)
    dictionary.mean.copy_(stream.mean)
    sample = dictionary.standardize(stream.tokens[:600])
    dictionary.start_from(sample, generator=torch.Generator().manual_seed(0), on_iteration=lambda: None)
    return dictionary, sample


def test_r2_rises_with_every_step() -> None:
    stream, held_out = planted_streams()
    trained = train(SPEC, stream).dictionary
    assert isinstance(trained, MatchingPursuitDictionary)
    by_steps = [centred_r2(trained.with_steps(n), held_out) for n in (1, 2, 3, 5, 8, 20)]
    assert all(fewer < more for fewer, more in pairwise(by_steps))
    assert by_steps[2] == centred_r2(trained, held_out)
    assert by_steps[-1] > 0.99


def test_another_number_of_steps_shares_the_atoms_and_leaves_the_dictionary_alone() -> None:
    dictionary, sample = started()
    more = dictionary.with_steps(7)
    assert more.standard_atoms.data_ptr() == dictionary.standard_atoms.data_ptr()
    assert more.standard_codes(sample).indices.shape == (600, 7)
    assert dictionary.standard_codes(sample).indices.shape == (600, N_ACTIVE)


def test_no_steps_are_refused() -> None:
    with pytest.raises(InvalidInput, match="n_steps is 0"):
        started()[0].with_steps(0)


def test_few_tokens_are_encoded_without_a_table_to_the_same_codes() -> None:
    dictionary, sample = started()
    assert not dictionary._saves_products(7)  # 2 * 7 products with all atoms cost less than the 16 of the table
    assert dictionary._saves_products(8)
    few, many = dictionary.standard_codes(sample[:7]), dictionary.standard_codes(sample)
    torch.testing.assert_close(few.dense(), many.dense()[:7], rtol=1e-4, atol=1e-5)


def test_the_start_is_where_the_spec_says() -> None:
    for start in ("kmeans", "tokens", "random"):
        dictionary, sample = started(SPEC.model_copy(update={"start": start}))
        nearest = (dictionary.atoms @ functional.normalize(sample, dim=1).t()).max(dim=1).values
        assert (nearest > 0.9999).all() == (start == "tokens")
        torch.testing.assert_close(dictionary.atoms.norm(dim=1), torch.ones(N_CONCEPTS))


def pull_on_a_dead_concept(aux_weight: float) -> torch.Tensor:
    """Tokens take the two concepts along x and y; the third, which has some z in it, is never their first or second."""
    spec = MatchingPursuitSpec(n_concepts=3, n_active=2, dead_after_tokens=100, aux_weight=aux_weight)
    dictionary = MatchingPursuitDictionary(spec, 3)
    with torch.no_grad():
        dictionary.decoder.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-0.6, -0.6, 0.5]]))
    dictionary.silent_tokens[2] = 1000
    inputs = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) + torch.tensor([1.0, 1.0, 0.5])
    found = dictionary.learn(inputs, dictionary.make_atoms(), moment=Moment(0, 0.0))
    assert found.fired.tolist() == [True, True, False]
    found.loss.backward()  # type: ignore[no-untyped-call]
    assert dictionary.decoder.grad is not None
    return -dictionary.decoder.grad[2]


def test_dead_concepts_are_pulled_towards_what_is_left_over() -> None:
    assert torch.equal(pull_on_a_dead_concept(0.0), torch.zeros(3))
    before = torch.tensor([-0.6, -0.6, 0.5])
    after = before + pull_on_a_dead_concept(1 / 32)
    assert functional.normalize(after, dim=0)[2] > functional.normalize(before, dim=0)[2] + 0.1


def test_help_for_dead_concepts_is_what_they_leave_of_the_residual() -> None:
    left_over = torch.randn(30, 5)
    atoms = functional.normalize(torch.randn(2, 5), dim=1)
    rest = left_over.clone()
    for row in rest:
        for _ in range(2):
            products = atoms @ row
            row.sub_(products.max().clamp_min(0) * atoms[products.argmax()])
    spread = (left_over - left_over.mean(dim=0)).square().mean()
    expected = (2 / 4) * rest.square().mean() / spread
    torch.testing.assert_close(help_for_dead(left_over, atoms, n_active=4), expected)


def test_project_and_gradient_stay_on_the_sphere() -> None:
    dictionary, _ = started()
    gradient = torch.randn_like(dictionary.decoder)
    dictionary.decoder.grad = gradient.clone()
    dictionary.project_gradients()
    along = (dictionary.decoder.grad * dictionary.decoder).sum(dim=1)
    torch.testing.assert_close(along, torch.zeros(N_CONCEPTS), rtol=0, atol=1e-5)
    directions = dictionary.atoms.clone()
    with torch.no_grad():
        dictionary.decoder.mul_(3.0)
    dictionary.project()
    torch.testing.assert_close(dictionary.atoms, directions)
