"""The rest of a network after a layer: activations in the place of the layer's own output, logits out."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from store.errors import InvalidInput
from worker.models.base import Activations
from worker.models.reading import FINAL, NORM, as_activations, channels_are_last, patch_size

_SMALL_PX = 64  # side of the blank photo that stands for any other, where only the layer's output decides


def logits_after(net: Any, activations: Activations, *, layer: str, size_px: tuple[int, int]) -> Float[Tensor, "b c"]:
    """Logits of a network whose layer says this, with gradients to the activations.

    A blank photo is sent through to the layer, whose output is then replaced; nothing of it is left, as the networks
    here have no way around their layers. It hangs a hook in the network: one call at a time. InvalidInput where the
    layer keeps its tokens in an order of its own.
    """
    first = next(net.parameters())
    size = size_px if patch_size(net) is not None else (_SMALL_PX, _SMALL_PX)
    blank = torch.zeros(1, 3, *size, device=first.device, dtype=first.dtype)

    def replaced(output: Any) -> Tensor:
        return _laid_out(net, activations, output, layer=layer, size_px=size)

    if layer in (FINAL, NORM):
        with torch.no_grad():
            output = net.forward_features(blank)
        logits: Tensor = net.forward_head(replaced(output))
        return logits
    handle = net.get_submodule(layer).register_forward_hook(_answering(replaced))
    try:
        logits = net(blank)
    finally:
        handle.remove()
    return logits


def _answering(replaced: Any) -> Any:
    def answer(_module: nn.Module, _inputs: Any, output: Any) -> Tensor:
        found: Tensor = replaced(output)
        return found

    return answer


def _laid_out(
    net: Any, activations: Activations, output: Any, *, layer: str, size_px: tuple[int, int]
) -> Float[Tensor, "..."]:
    """Patches and prefix in the order and type of the layer's raw output; the inverse of ``as_activations``."""
    if as_activations(net, output, layer=layer, size_px=size_px) is None:
        raise InvalidInput(
            f"Layer '{layer}' of {type(net).__name__} keeps its tokens in an order of its own, so that nothing can be "
            "put in their place. Choose the dictionary of another layer."
        )
    patches, prefix = activations.patches.to(output), activations.prefix.to(output)
    if output.ndim == 3:
        return torch.cat([prefix, patches.flatten(1, 2)], dim=1)
    return patches if channels_are_last(net, output, layer) else patches.permute(0, 3, 1, 2)
