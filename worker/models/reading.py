"""Reading a network at a named layer: which layers there are, stopping there, and turning the output into a grid."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from store.errors import InvalidInput
from store.grid import Grid
from worker.models.base import Activations

FINAL = "final"  # the output of forward_features of networks that keep a grid
NORM = "norm"  # the same for transformers with a flat sequence of tokens
_TOPS: dict[Any, float] = {nn.ReLU: math.inf, nn.ReLU6: 6.0}


UNFIT = (
    RuntimeError,
    AssertionError,
    ValueError,
    IndexError,
    ZeroDivisionError,
)  # what networks raise for a wrong size


class _Reached(BaseException):
    """Leaves the forward pass at the layer. No Exception: nothing in a network may catch it."""

    def __init__(self, value: Any) -> None:
        self.value = value


def is_flat_transformer(net: nn.Module) -> bool:
    """Whether the blocks work on one sequence of prefix tokens and patches, all at one resolution."""
    return (
        hasattr(net, "blocks")
        and hasattr(net, "patch_embed")
        and isinstance(getattr(net, "num_prefix_tokens", None), int)
    )


def layer_names(net: nn.Module) -> tuple[str, ...]:
    """The layers that can be read: ``blocks.N`` and ``norm`` of a transformer; else timm's stages and ``final``."""
    if is_flat_transformer(net):
        return (*(f"blocks.{index}" for index in range(len(net.blocks))), NORM)  # type: ignore[arg-type]
    stages = {str(stage["module"]) for stage in getattr(net, "feature_info", None) or ()}
    blocks = getattr(net, "blocks", None)
    if isinstance(blocks, nn.Sequential):
        stages |= {f"blocks.{index}" for index in range(len(blocks))}
    return (*(name for name, _ in net.named_modules() if name in stages), FINAL)


def read_layer(net: Any, images: Float[Tensor, "b 3 H W"], layer: str) -> Any:
    """The output of a layer; the forward pass goes no further. It hangs a hook in the network: one call at a time."""
    if layer in (FINAL, NORM):
        return net.forward_features(images)

    def stop(_module: nn.Module, _inputs: Any, output: Any) -> None:
        raise _Reached(output)

    handle = net.get_submodule(layer).register_forward_hook(stop)
    try:
        net.forward_features(images)
    except _Reached as reached:
        return reached.value
    finally:
        handle.remove()
    raise InvalidInput(f"Layer '{layer}' takes no part in the forward pass. Choose another.")


def read_grid(net: Any, images: Float[Tensor, "b 3 H W"], layer: str) -> Activations:
    """A layer as patches and prefix; InvalidInput if it has no grid that can be found."""
    output = read_layer(net, images, layer)
    found = as_activations(net, output, layer=layer, size_px=(images.shape[-2], images.shape[-1]))
    if found is None:
        found = _stage(net, images, layer)
    if found is None:
        shape = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
        others = ", ".join(name for name in layer_names(net) if name != layer)
        raise InvalidInput(
            f"Layer '{layer}' of {type(net).__name__} gives {shape}, which has no grid of patches that is known here. "
            f"Choose another layer: {others}."
        )
    return found


def read_through(
    net: Any, images: Float[Tensor, "b 3 H W"], layers: Sequence[str]
) -> tuple[dict[str, Activations], Any]:
    """Layers as patches and prefix, and what ``forward_features`` gives; one pass where layers tell their grid."""
    outputs: dict[str, Any] = {}
    with ExitStack() as stack:
        for layer in layers:
            if layer not in (FINAL, NORM):
                stack.enter_context(_kept(net, layer, outputs))
        features = net.forward_features(images)
    outputs |= {layer: features for layer in layers if layer in (FINAL, NORM)}
    size = (images.shape[-2], images.shape[-1])
    seen = {layer: as_activations(net, outputs.get(layer), layer=layer, size_px=size) for layer in layers}
    return {layer: found or read_grid(net, images, layer) for layer, found in seen.items()}, features


@contextmanager
def _kept(net: Any, layer: str, outputs: dict[str, Any]) -> Iterator[None]:
    """Keep a copy of what a layer gives: what comes after may write into it."""

    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        outputs[layer] = output.clone() if isinstance(output, Tensor) else None

    handle = net.get_submodule(layer).register_forward_hook(keep)
    try:
        yield
    finally:
        handle.remove()


def as_activations(net: Any, output: Any, *, layer: str, size_px: tuple[int, int]) -> Activations | None:
    """A layer's raw output as patches and prefix; None if its tokens are in no known order."""
    if isinstance(output, Tensor) and output.ndim == 4:
        return _without_prefix(output if channels_are_last(net, output, layer) else output.permute(0, 2, 3, 1))
    if isinstance(output, Tensor) and output.ndim == 3:
        n_prefix, grid = int(getattr(net, "num_prefix_tokens", None) or 0), patch_grid(net, size_px)
        if grid is not None and output.shape[1] == n_prefix + grid.n_patches:
            patches = output[:, n_prefix:].reshape(len(output), grid.rows, grid.cols, output.shape[-1])
            return Activations(patches=patches, prefix=output[:, :n_prefix])
    return None


def _without_prefix(patches: Float[Tensor, "b h w d"]) -> Activations:
    return Activations(patches=patches, prefix=patches.new_zeros(len(patches), 0, patches.shape[-1]))


def _stage(net: Any, images: Float[Tensor, "b 3 H W"], layer: str) -> Activations | None:
    """The stage as the network itself lays it out; for networks that keep tokens in an order of their own."""
    stages = [stage["module"] for stage in getattr(net, "feature_info", None) or ()]
    if layer not in stages or not hasattr(net, "forward_intermediates"):
        return None
    (output,) = net.forward_intermediates(
        images, indices=[stages.index(layer)], stop_early=True, output_fmt="NCHW", intermediates_only=True
    )
    return _without_prefix(output.permute(0, 2, 3, 1))


def patch_grid(net: Any, size_px: tuple[int, int]) -> Grid | None:
    """The grid of the patch embedding for an input size; None for networks without one."""
    patch = patch_size(net)
    return None if patch is None else Grid(size_px[0] // patch[0], size_px[1] // patch[1])


def patch_size(net: Any) -> tuple[int, int] | None:
    """Height and width of a patch in pixels; None for networks without a patch embedding."""
    embedding = getattr(net, "patch_embed", None)
    ratio = getattr(embedding, "feat_ratio", None)  # of embeddings with a network of their own inside
    size = ratio(as_scalar=False) if callable(ratio) else getattr(embedding, "patch_size", None)
    if isinstance(size, int):
        return size, size
    return (int(size[0]), int(size[1])) if isinstance(size, tuple | list) and len(size) == 2 else None


def prefix_counts(net: Any) -> tuple[int, int]:
    """How many class tokens (distillation tokens included) and how many registers a network has."""
    n_prefix = int(getattr(net, "num_prefix_tokens", None) or 0)
    registers = getattr(net, "reg_token", None)
    n_register = 0 if registers is None else int(registers.shape[1])
    return n_prefix - n_register, n_register


def channels_are_last(net: Any, output: Float[Tensor, "b x y z"], layer: str) -> bool:
    """Whether ``[b h w d]`` and not ``[b d h w]``: by the known width where that decides, else as the network says."""
    if layer == FINAL:
        width = getattr(net, "num_features", None)
    else:
        stages = {stage["module"]: stage["num_chs"] for stage in getattr(net, "feature_info", None) or ()}
        width = stages.get(layer)
    first, last = output.shape[1] == width, output.shape[3] == width
    if first != last:
        return bool(last)
    return str(getattr(net, "output_fmt", "NCHW")).endswith("NHWC")


def bent_stage(net: Any) -> tuple[Tensor, Tensor, float] | None:
    """V [e d], v [e] and top, where ``conv_head`` and ``bn2`` are ``min(max(V x + v, 0), top)`` of each patch.

    ``V = s C`` and ``v = beta - s mean``, with ``s = gamma / sqrt(variance + eps)`` of the batch normalisation.
    """
    conv, norm = getattr(net, "conv_head", None), getattr(net, "bn2", None)
    top = _TOPS.get(type(getattr(norm, "act", None)))
    if top is None or not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        return None
    if conv.kernel_size != (1, 1) or conv.groups != 1 or conv.bias is not None or norm.running_var is None:
        return None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    assert norm.running_mean is not None
    return scale[:, None] * conv.weight[:, :, 0, 0], norm.bias - scale * norm.running_mean, top


def linear_tail(net: Any, *, width: int) -> nn.Linear | None:
    """The classifier, if the rest of the network after ``forward_features`` is exactly mean pooling and that.

    Found out by trying: on random features the two must agree, which no other pooling, normalisation or
    non-linearity would do.
    """
    classifier = net.get_classifier() if hasattr(net, "get_classifier") else None
    if not isinstance(classifier, nn.Linear) or classifier.in_features != width or is_flat_transformer(net):
        return None
    channels_are_last = str(getattr(net, "output_fmt", "NCHW")).endswith("NHWC")
    features = torch.randn(2, 3, 4, width, generator=torch.Generator().manual_seed(0)).to(classifier.weight)
    with torch.inference_mode():
        ours = classifier(features.mean((1, 2)))
        try:
            theirs = net.forward_head(features if channels_are_last else features.permute(0, 3, 1, 2))
        except UNFIT:  # a head for tokens without a grid
            return None
    same = (
        isinstance(theirs, Tensor) and theirs.shape == ours.shape and torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    )
    return classifier if same else None
