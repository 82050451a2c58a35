"""One suite over every vision model: tiny random ones of each family, and (slow) the bundled ones with real weights."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from store.errors import InvalidInput, NotFound
from store.vocabulary import Fit
from tests.tiny import ARCHITECTURES, tiny_images, tiny_model, tiny_net
from worker.models.base import Activations, VisionModel
from worker.models.registry import load_model, model_names
from worker.models.timm_family import TimmModel

PREFIXES = {"vit": (1, 0), "vit-reg4": (1, 4), "distilled": (2, 0), "eva": (1, 4), "saliency-vit-s14": (1, 0)}
EXACT_HEADS = {"resnet", "swin", "efficientnet", "efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"} | {
    "mobilenet-v2"
}
BY_14 = {"vit-reg4", "saliency-vit-s14"}
TRANSFORMERS = {"vit", "vit-reg4", "siglip", "distilled", "eva", "saliency-vit-s14"}

TINY = list(ARCHITECTURES)
ALL = [*TINY, *(pytest.param(name, marks=pytest.mark.slow) for name in model_names())]


@pytest.fixture(params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(name: str) -> VisionModel:
    return tiny_model(name) if name in ARCHITECTURES else bundled(name)


@cache
def bundled(name: str) -> VisionModel:
    return load_model(name)


def sides(name: str) -> tuple[int, int]:
    """A small window that is not square."""
    unit = 14 if name in BY_14 else 16
    return 4 * unit, 6 * unit


def inputs(name: str, n_images: int = 3) -> Tensor:
    height, width = sides(name)
    return tiny_images(n_images, height=height, width=width)


def test_geometry_is_the_shape_of_the_activations(name: str, model: VisionModel) -> None:
    window = model.window(*sides(name))
    for layer in model.layers:
        geometry = model.geometry(layer, window)
        found = model.activations(inputs(name, 2), layer)
        assert found.patches.shape == (2, geometry.grid.rows, geometry.grid.cols, geometry.width)
        assert found.prefix.shape == (2, geometry.n_prefix, geometry.width)
        assert (geometry.n_class, geometry.n_register) == PREFIXES.get(name, (0, 0))
        assert geometry.grid.cols * 2 == geometry.grid.rows * 3  # rows are rows, and columns columns


def test_the_models_own_size_is_the_default(model: VisionModel) -> None:
    window = model.window()
    own = model.preprocessing
    assert (window.height_px, window.width_px) == (own.height_px, own.width_px)
    assert (window.fit, window.crop_ratio) == (Fit.CROP, own.crop_ratio)
    assert model.default_layer in model.layers
    assert model.geometry(model.default_layer, window).grid.n_patches > 0


def test_one_side_alone_is_refused(model: VisionModel) -> None:
    with pytest.raises(InvalidInput, match="both height and width"):
        model.window(height_px=64)


def test_the_order_of_images_does_not_matter(name: str, model: VisionModel) -> None:
    images = inputs(name, 4)
    order = torch.tensor([2, 0, 3, 1])
    straight = model.activations(images, model.default_layer)
    shuffled = model.activations(images[order], model.default_layer)
    torch.testing.assert_close(shuffled.patches, straight.patches[order], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(shuffled.prefix, straight.prefix[order], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(straight.patches[0], straight.patches[1], atol=1e-3)


def test_one_look_gives_what_the_layers_and_the_head_give(name: str, model: VisionModel) -> None:
    images = inputs(name, 2)
    look = model.look(images, model.layers)
    assert list(look.layers) == list(model.layers)
    for layer, found in look.layers.items():
        alone = model.activations(images, layer)
        torch.testing.assert_close(found.patches, alone.patches, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(found.prefix, alone.prefix, rtol=1e-5, atol=1e-5)
    own = model.logits(images)
    assert (look.logits is None) == (own is None)
    if own is not None:
        torch.testing.assert_close(look.logits, own, rtol=1e-5, atol=1e-5)
    assert model.n_bytes > 1000


def test_activations_carry_no_gradients(name: str, model: VisionModel) -> None:
    assert not model.activations(inputs(name, 1), model.default_layer).patches.requires_grad


def test_the_exact_head_gives_the_models_own_logits(name: str, model: VisionModel) -> None:
    images = inputs(name)
    found = model.logits_from(model.activations(images, model.default_layer).patches, model.default_layer)
    assert (found is not None) == (name in EXACT_HEADS)
    if found is not None:
        own = model.logits(images)
        assert own is not None
        assert model.class_names is not None
        assert found.shape == own.shape == (3, len(model.class_names))
        torch.testing.assert_close(found, own, rtol=1e-4, atol=1e-4)


def test_every_layer_can_be_gone_on_from(name: str, model: VisionModel) -> None:
    images, window = inputs(name), model.window(*sides(name))
    own = model.logits(images)
    for layer in model.layers:
        found = model.activations(images, layer)
        again = model.logits_after(found, layer, window)
        assert (again is None) == (own is None)
        if own is not None and again is not None:
            torch.testing.assert_close(again, own, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model.logits(images), own)  # no hook stays behind


def test_gradients_reach_the_patches(name: str, model: VisionModel) -> None:
    if model.logits(inputs(name, 1)) is None:
        return
    layer = model.layers[0]  # class tokens alone may be read after the last
    found = model.activations(inputs(name, 1), layer)
    patches = found.patches.clone().requires_grad_()
    logits = model.logits_after(Activations(patches, found.prefix.clone()), layer, model.window(*sides(name)))
    assert logits is not None
    (gradient,) = torch.autograd.grad(logits[0, 0], patches)
    assert bool(gradient.abs().max() > 0)


def test_contributions_of_patches_add_up_to_the_logits(name: str, model: VisionModel) -> None:
    head = model.linear_head(model.default_layer)
    if head is None:
        return
    patches = model.activations(inputs(name), model.default_layer).patches
    n_patches = patches.shape[1] * patches.shape[2]
    slow = sum(
        patches[:, row, col] @ head.weight.T / n_patches
        for row in range(patches.shape[1])
        for col in range(patches.shape[2])
    )
    torch.testing.assert_close(slow + head.bias, model.logits_from(patches, model.default_layer), rtol=1e-4, atol=1e-4)
    assert model.linear_head(model.layers[0]) is None


def test_unknown_layers_name_the_near_ones(name: str, model: VisionModel) -> None:
    with pytest.raises(NotFound, match=model.default_layer):
        model.activations(inputs(name, 1), model.default_layer + "s")
    with pytest.raises(NotFound):
        model.geometry("nowhere", model.window(*sides(name)))


@pytest.mark.parametrize("name", sorted(TRANSFORMERS & set(TINY)))
def test_sizes_between_patches_name_the_nearest_that_fit(name: str) -> None:
    model, (height, width) = tiny_model(name), sides(name)
    unit = width // 6
    with pytest.raises(InvalidInput, match=f"{height}x{width} or {height}x{width + unit}"):
        model.window(height, width + 1)
    with pytest.raises(InvalidInput, match=f"{unit}x{unit}"):
        model.activations(torch.zeros(1, 3, height, width + 1), model.default_layer)


def by_a_full_pass(net: Any, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """The slow twin: the whole network runs, and a copy of each layer's output is kept."""
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[Any, Any, Tensor], None]:
        return lambda _module, _inputs, output: kept.update({name: output.clone()})

    for layer in layers[:-1]:
        net.get_submodule(layer).register_forward_hook(keep(layer))
    return {layers[-1]: net.forward_features(images), **kept}


@pytest.mark.parametrize("name", TINY)
@torch.inference_mode()
def test_stopping_at_a_layer_gives_what_a_full_pass_gives(name: str) -> None:
    model, images = tiny_model(name), inputs(name, 2)
    for layer, whole in by_a_full_pass(tiny_net(name), images, model.layers).items():
        found = model.activations(images, layer)
        if whole.ndim == 3:
            tokens = torch.cat([found.prefix, found.patches.flatten(1, 2)], dim=1)
        else:
            tokens = found.patches if name == "swin" else found.patches.permute(0, 3, 1, 2)
        torch.testing.assert_close(tokens, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", TINY)
def test_nothing_after_the_layer_runs(name: str) -> None:
    net = tiny_net(name)
    model = TimmModel(name, net)
    first, last = model.layers[0], model.layers[-2]

    def fail(_module: Any, _inputs: Any) -> None:
        raise AssertionError(f"{last} ran")

    net.get_submodule(last).register_forward_pre_hook(fail)
    model.activations(inputs(name, 1), first)
    with pytest.raises(AssertionError, match="ran"):
        model.activations(inputs(name, 1), last)


@pytest.mark.parametrize("name", ["vit-reg4", "resnet"])
def test_reading_leaves_no_hook_behind(name: str) -> None:
    net = tiny_net(name)
    model = TimmModel(name, net)
    for layer in model.layers:
        model.activations(inputs(name, 1), layer)
    assert not any(module._forward_hooks for module in net.modules())
