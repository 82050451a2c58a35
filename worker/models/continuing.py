"""The rest of a network after a layer: activations in the place of the layer's own output, logits out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from store.errors import InvalidInput
from worker.models.base import Activations
from worker.models.reading import FINAL, NORM, as_activations, channels_are_last, patch_size

_SMALL_PX = 64  # side of the blank photo that stands for any other, where only the layer's output decides


class Rest:
    """What follows a layer of one network, for photos of one size.

    A blank photo is sent through once. From then on every module that was done before the layer, and the layer itself,
    answers at once: those before with what they said of the blank photo, the layer with the activations that are given.
    Nothing of the blank photo is left, as the networks here have no way around their layers. Modules are replaced while
    it runs: one call at a time.
    """

    def __init__(self, net: Any, *, layer: str, size_px: tuple[int, int]) -> None:
        self._net, self._layer, self._size_px = net, layer, size_px
        first = next(net.parameters())
        size = size_px if patch_size(net) is not None else (_SMALL_PX, _SMALL_PX)
        self._blank = torch.zeros(1, 3, *size, device=first.device, dtype=first.dtype)
        self._said: dict[nn.Module, Any] = {}
        with torch.inference_mode(mode=False), torch.no_grad():
            self._output = self._listen()

    def logits(self, activations: Activations) -> Float[Tensor, "b c"]:
        """Logits of the network whose layer says this, with gradients to the activations.

        InvalidInput where the layer keeps its tokens in an order of its own.
        """
        given = _laid_out(self._net, activations, self._output, layer=self._layer, size_px=self._size_px)
        if self._is_last:
            headed: Tensor = self._net.forward_head(given)
            return headed
        with ExitStack() as stack:
            for module, output in (*self._said.items(), (self._net.get_submodule(self._layer), given)):
                stack.enter_context(_answering(module, output))
            logits: Tensor = self._net(self._blank)
        return logits

    @property
    def _is_last(self) -> bool:
        return self._layer in (FINAL, NORM)

    def _listen(self) -> Any:
        """What the layer says of the blank photo; remembers what the modules before it say."""
        if self._is_last:
            return self._net.forward_features(self._blank)
        course = _Course(self._net.get_submodule(self._layer))
        with ExitStack() as stack:
            for module in self._net.modules():
                stack.callback(module.register_forward_pre_hook(course.begin).remove)
                stack.callback(module.register_forward_hook(course.end).remove)
            self._net(self._blank)
        self._said = course.before
        return course.output


class _Course:
    """Which modules are done when a layer begins, each without its parts, and what they said.

    What runs more than once is not among them: it may run again after the layer.
    """

    def __init__(self, layer: nn.Module) -> None:
        self._layer = layer
        self._done: dict[nn.Module, Any] = {}
        self._n_runs: dict[nn.Module, int] = {}
        self._before: dict[nn.Module, Any] = {}
        self.output: Any = None

    def begin(self, module: nn.Module, _inputs: Any) -> None:
        """A module begins."""
        if module is self._layer:
            self._before = dict(self._done)

    def end(self, module: nn.Module, _inputs: Any, output: Any) -> None:
        """A module is done, and its parts with it."""
        self._n_runs[module] = self._n_runs.get(module, 0) + 1
        for part in module.modules():
            self._done.pop(part, None)
        self._done[module] = output
        if module is self._layer:
            self.output = output.clone() if isinstance(output, Tensor) else output

    @property
    def before(self) -> dict[nn.Module, Any]:
        """Those that can answer from memory."""
        return {
            module: output
            for module, output in self._before.items()
            if all(self._n_runs.get(part, 0) < 2 for part in module.modules())
        }


@contextmanager
def _answering(module: nn.Module, output: Any) -> Iterator[None]:
    """Let a module say this, whatever it is asked."""
    own = vars(module).get("forward")
    module.forward = lambda *_inputs, **_more: output
    try:
        yield
    finally:
        if own is None:
            del module.forward
        else:
            module.forward = own


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
