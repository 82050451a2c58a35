"""The bundled models' own heads: exact, occlusion and integrated gradients agree; earlier layers need the network."""

from functools import cache

import pytest
import torch

from tests.tiny import tiny_images
from worker.effects.contributions import Method, contributions
from worker.effects.photo import CodedPhoto
from worker.effects.tails import BentTail, LinearTail, NetworkTail, find_tail
from worker.effects.targets import Target
from worker.models.base import VisionModel
from worker.models.registry import load_model

pytestmark = pytest.mark.slow
HEADS = {"efficientnet-lite0": 1000, "efficientnet-lite1": 1000, "efficientnet-lite2": 1000, "mobilenet-v2": 19}


@cache
def loaded(name: str) -> VisionModel:
    return load_model(name)


def some_photo(x: torch.Tensor) -> CodedPhoto:
    """Forty random atoms, of which thirty fire; codes about as strong as activations are."""
    generator = torch.Generator().manual_seed(0)
    n, d = x.shape[0] * x.shape[1], x.shape[2]
    atoms = torch.nn.functional.normalize(torch.randn(40, d, generator=generator), dim=1)
    codes = (x.norm(dim=2).mean() * torch.randn(n, 30, generator=generator).relu() / 10).double()
    return CodedPhoto(x.double(), torch.arange(30), codes, atoms[:30].double(), atoms, x.double().mean((0, 1)))


@pytest.mark.parametrize("name", HEADS)
def test_all_methods_agree_on_the_real_head(name: str) -> None:
    model = loaded(name)
    window = model.window()
    images = tiny_images(3, height=window.height_px, width=window.width_px)[2:]
    found, own = model.activations(images, "final"), model.logits(images)
    assert own is not None
    photo = some_photo(found.patches[0])
    exact = find_tail(model, "final", window, photo=found)
    assert isinstance(exact, LinearTail)
    assert exact.n_classes == HEADS[name]
    for target in (Target(int(own[0].argmax())), Target(3, against="mean")):
        terms = contributions(photo, exact, target)
        assert terms.gap == pytest.approx(0, abs=1e-9)
        # The network's own logit, computed in single precision.
        assert terms.score == pytest.approx(float(own[0].double() @ target.weights(HEADS[name])), abs=1e-5)
        for method in (Method.GRADIENT, Method.INTEGRATED, Method.OCCLUSION):
            other = contributions(photo, exact, target, method=method)
            torch.testing.assert_close(other.values, terms.values, rtol=0, atol=1e-5)
        network = NetworkTail(model, "final", window, photo=found)
        for method in (Method.GRADIENT, Method.INTEGRATED, Method.OCCLUSION):
            other = contributions(photo, network, target, method=method)
            torch.testing.assert_close(other.values, terms.values, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", HEADS)
def test_only_the_last_layer_is_exact(name: str) -> None:
    model = loaded(name)
    assert [layer for layer in model.layers if model.linear_head(layer)] == ["final"]


@pytest.mark.parametrize("name", HEADS)
def test_the_stage_before_is_bent_once(name: str) -> None:
    """In closed form as by the network itself, of which quadrature comes ever nearer to it."""
    model = loaded(name)
    window = model.window()
    images = tiny_images(3, height=window.height_px, width=window.width_px)[2:]
    found, own = model.activations(images, "blocks.6"), model.logits(images)
    assert own is not None
    tail = find_tail(model, "blocks.6", window, photo=found)
    assert isinstance(tail, BentTail)
    torch.testing.assert_close(tail.logits(found.patches.double()).float(), own, rtol=0, atol=1e-4)
    photo, target = some_photo(found.patches[0]), Target(int(own[0].argmax()))
    terms, network = contributions(photo, tail, target), NetworkTail(model, "blocks.6", window, photo=found)
    assert terms.gap == pytest.approx(0, abs=1e-9)
    size = float(terms.values.abs().sum())
    misses = []
    for n_steps in (4, 16, 64):
        stepped = contributions(photo, network, target, n_steps=n_steps)
        misses.append(float((stepped.values - terms.values).abs().sum()) / size)
    assert misses == sorted(misses, reverse=True)
    assert misses[-1] < 0.01
