"""What is special about TopK: its sphere and its starts."""

import pytest
import torch

from store.methods import TopKSpec
from tests.worker.dictionaries.planted import planted_streams
from worker.dictionaries.sparse import reconstruct
from worker.dictionaries.topk import TopKDictionary

SPEC = TopKSpec(n_concepts=16, n_active=3)


def started(spec: TopKSpec = SPEC) -> tuple[TopKDictionary, torch.Tensor]:
    stream, _ = planted_streams()
    dictionary = TopKDictionary(spec, stream.width)
    dictionary.mean.copy_(stream.mean)
    sample = dictionary.standardize(stream.tokens)
    dictionary.start_from(sample, generator=torch.Generator().manual_seed(0), on_iteration=lambda: None)
    return dictionary, sample


@pytest.mark.parametrize("start", ["kmeans", "random"])
def test_start_ties_the_encoder_with_the_gain_of_least_squares(start: str) -> None:
    dictionary, sample = started(SPEC.model_copy(update={"start": start}))
    gains = (dictionary.encoder_weight * dictionary.decoder).sum(dim=1)
    torch.testing.assert_close(gains, gains[:1].expand(16))
    torch.testing.assert_close(dictionary.encoder_weight, gains[:1, None] * dictionary.decoder)

    def error(factor: float) -> float:
        weight, bias, atoms = dictionary.encoder_weight, dictionary.encoder_bias, dictionary.decoder
        found = reconstruct(sample, factor * weight, bias=bias, atoms=atoms, n_active=3)
        return (sample - found.output).square().sum().item()

    assert error(1.0) < min(error(0.98), error(1.02))


def test_gradient_along_an_atom_is_taken_out() -> None:
    dictionary, _ = started()
    gradient = torch.randn_like(dictionary.decoder)
    dictionary.decoder.grad = gradient.clone()
    dictionary.project_gradients()
    assert dictionary.decoder.grad is not None
    along = (dictionary.decoder.grad * dictionary.decoder).sum(dim=1)
    torch.testing.assert_close(along, torch.zeros(16), rtol=0, atol=1e-5)
    tangent = gradient - (gradient * dictionary.decoder).sum(dim=1, keepdim=True) * dictionary.decoder
    torch.testing.assert_close(dictionary.decoder.grad, tangent.detach())


def test_project_returns_to_the_sphere() -> None:
    dictionary, _ = started()
    directions = dictionary.atoms.clone()
    with torch.no_grad():
        dictionary.decoder.mul_(3.0)
    dictionary.project()
    torch.testing.assert_close(dictionary.atoms, directions)
