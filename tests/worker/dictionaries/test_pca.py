"""Principal components as concepts, against the singular value decomposition and a search over all choices."""

from itertools import combinations

import pytest
import torch
from pydantic import ValidationError
from sklearn.decomposition import PCA
from torch import Tensor

from store.errors import InvalidInput
from store.methods import PcaSpec
from tests.worker.dictionaries.planted import planted_streams
from worker.dictionaries.pca import PcaDictionary
from worker.dictionaries.tokens import MemoryTokens
from worker.metrics.reconstruction import centred_r2
from worker.training.loop import train


def uneven_tokens(n: int = 500) -> Tensor:
    """Tokens whose variances differ by direction."""
    generator = torch.Generator().manual_seed(3)
    mixing = torch.randn(6, 6, generator=generator) * torch.tensor([5.0, 3.0, 2.0, 1.0, 0.5, 0.2])
    return torch.randn(n, 6, generator=generator) @ mixing.t() + 4.0


def trained(n_concepts: int = 12, n_active: int = 3, epochs: int = 1) -> tuple[PcaDictionary, MemoryTokens]:
    stream = MemoryTokens(uneven_tokens())
    spec = PcaSpec(n_concepts=n_concepts, n_active=n_active, batch_tokens=64, epochs=epochs)
    dictionary = train(spec, stream).dictionary
    assert isinstance(dictionary, PcaDictionary)
    return dictionary, stream


def test_components_are_the_singular_vectors_of_all_tokens() -> None:
    dictionary, stream = trained()
    centred = stream.tokens.double() - stream.tokens.double().mean(dim=0)
    expected = torch.linalg.svd(centred, full_matrices=False).Vh
    cosines = (dictionary.atoms[::2].double() * expected).sum(dim=1)
    torch.testing.assert_close(cosines.abs(), torch.ones(6).double(), rtol=0, atol=1e-6)
    other = torch.from_numpy(PCA(6).fit(stream.tokens.double().numpy()).components_)
    torch.testing.assert_close(dictionary.atoms[::2].double().abs(), other.abs(), rtol=1e-5, atol=1e-5)


def test_each_component_has_two_sides_and_a_sign_of_its_own() -> None:
    dictionary, _ = trained()
    assert torch.equal(dictionary.atoms[::2], -dictionary.atoms[1::2])
    largest = dictionary.atoms[::2].gather(1, dictionary.atoms[::2].abs().argmax(dim=1, keepdim=True))
    assert (largest > 0).all()


def test_no_other_choice_of_as_many_concepts_leaves_less_over() -> None:
    dictionary, stream = trained(n_active=2)
    u = dictionary.standardize(stream.tokens[:40])
    codes = dictionary.standard_codes(u)
    errors = (u - codes.dense() @ dictionary.atoms).square().sum(dim=1)
    for chosen in combinations(range(12), 2):
        atoms = dictionary.atoms[list(chosen)]
        products = (u @ atoms.t()).relu()
        other = (u - products @ atoms).square().sum(dim=1) if chosen[0] // 2 != chosen[1] // 2 else errors
        assert (errors <= other + 1e-4).all()


def test_all_components_explain_everything() -> None:
    dictionary, stream = trained(n_active=6)
    assert centred_r2(dictionary, stream) > 1 - 1e-5


def test_more_epochs_change_nothing() -> None:
    once, several = trained()[0], trained(epochs=3)[0]
    torch.testing.assert_close(once.atoms, several.atoms, rtol=0, atol=1e-5)


def test_a_resumed_epoch_gives_the_same_components() -> None:
    stream, _ = planted_streams()
    spec = PcaSpec(n_concepts=8, n_active=2)
    whole, first, second = (PcaDictionary(spec, stream.width) for _ in range(3))
    for dictionary in (whole, first):
        dictionary.absorb(stream.tokens[:500])
    second.load_state_dict(first.state_dict())
    for dictionary in (whole, second):
        dictionary.absorb(stream.tokens[500:900])
        dictionary.refit()
    assert torch.equal(whole.atoms, second.atoms)
    assert whole.state_dict()["tally.products"].numel() == 0


def test_large_means_cost_no_precision() -> None:
    """Sums in float64 of centred tokens: a mean of 10,000 leaves the components as they are."""
    far = MemoryTokens((uneven_tokens().double() + 10_000).float())
    spec = PcaSpec(n_concepts=4, n_active=2, batch_tokens=64)
    atoms = train(spec, far).dictionary.atoms
    cosines = (atoms[::2] * trained(n_concepts=4)[0].atoms[::2]).sum(dim=1)
    torch.testing.assert_close(cosines, torch.ones(2), rtol=0, atol=1e-3)


def test_an_odd_number_of_concepts_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"n_concepts \(7\) is odd"):
        PcaSpec(n_concepts=7, n_active=2)


def test_more_components_than_dimensions_are_refused() -> None:
    with pytest.raises(InvalidInput, match="n_concepts is 14.*6 dimensions.*12 or less"):
        train(PcaSpec(n_concepts=14, n_active=2), MemoryTokens(uneven_tokens()))
