"""What follows the layer: one photo's patches in, logits out."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from store.errors import InvalidInput, Unavailable
from store.grid import Window
from worker.models.base import Activations, BentHead, LinearHead, VisionModel

_STATES_AT_ONCE = 16  # edited versions of a photo that go through a network together


class Tail(ABC):
    """The rest of a model after a layer, for one photo: only its patches change."""

    is_exact: bool
    """Whether it is nothing but a mean over patches and a linear map."""
    n_classes: int

    @abstractmethod
    def logits(self, states: Float[Tensor, "b h w d"]) -> Float64[Tensor, "b c"]:
        """Logits for several versions of the photo's patches."""

    @abstractmethod
    def gradients(
        self, states: Float64[Tensor, "b h w d"], weights: Float64[Tensor, " c"]
    ) -> Float64[Tensor, "b h w d"]:
        """``d <weights, logits> / d patches`` at each version."""

    def mean_gradients(
        self,
        start: Float64[Tensor, "h w d"],
        end: Float64[Tensor, "h w d"],
        weights: Float64[Tensor, " c"],
        *,
        n_steps: int,
    ) -> Float64[Tensor, "h w d"]:
        """The mean of the gradients on the straight way between two versions, by Gauss-Legendre quadrature."""
        places, shares = (torch.from_numpy(part) / 2 for part in np.polynomial.legendre.leggauss(n_steps))
        total = torch.zeros_like(start)
        for at, share in zip(*(torch.split(part, _STATES_AT_ONCE) for part in (places + 0.5, shares)), strict=True):
            states = start + at[:, None, None, None] * (end - start)
            total += torch.einsum("s,shwd->hwd", share, self.gradients(states, weights))
        return total


class LinearTail(Tail):
    """``W mean(x) + b``, in double precision. One object serves all photos of a model."""

    is_exact = True

    def __init__(self, head: LinearHead) -> None:
        self.weight: Float64[Tensor, "c d"] = head.weight.detach().double().cpu()
        self.bias: Float64[Tensor, " c"] = head.bias.detach().double().cpu()
        self.n_classes = len(self.bias)

    def logits(self, states: Float[Tensor, "b h w d"]) -> Float64[Tensor, "b c"]:
        """``W mean(x) + b``."""
        return self.from_means(states.double().mean((1, 2)))

    def from_means(self, means: Float64[Tensor, "b d"]) -> Float64[Tensor, "b c"]:
        """The same from the means over patches."""
        return means @ self.weight.T + self.bias

    def gradients(
        self, states: Float64[Tensor, "b h w d"], weights: Float64[Tensor, " c"]
    ) -> Float64[Tensor, "b h w d"]:
        """``W^T t / (h w)`` at every patch, whatever is there."""
        n_patches = states.shape[1] * states.shape[2]
        row = weights.to(self.weight) @ self.weight / n_patches
        return row.expand(states.shape)


class BentTail(Tail):
    """One bend of each patch and a linear head: ``u = V x + v``, ``y = W mean clip(u) + b``.

    In the precision of the patches that come: double where terms must add up, single for many edits at once.
    """

    is_exact = False

    def __init__(self, bent: BentHead) -> None:
        self._linear = LinearTail(bent.head)
        self._weight: Float64[Tensor, "e d"] = bent.weight.detach().double().cpu()
        self._bias: Float64[Tensor, " e"] = bent.bias.detach().double().cpu()
        self._top = bent.top
        self.n_classes = self._linear.n_classes

    def logits(self, states: Float[Tensor, "b h w d"]) -> Float64[Tensor, "b c"]:
        """``W mean clip(u) + b``."""
        parts = torch.split(states, _STATES_AT_ONCE)
        means = [self._before(part).clamp_(0, self._top).mean((1, 2)) for part in parts]
        return self._linear.from_means(torch.cat(means).double())

    def gradients(
        self, states: Float64[Tensor, "b h w d"], weights: Float64[Tensor, " c"]
    ) -> Float64[Tensor, "b h w d"]:
        """``V^T (W^T t / n where 0 < u < top)`` at every patch."""
        u = self._before(states)
        return self._back(((u > 0) & (u < self._top)).double(), weights)

    def mean_gradients(
        self,
        start: Float64[Tensor, "h w d"],
        end: Float64[Tensor, "h w d"],
        weights: Float64[Tensor, " c"],
        *,
        n_steps: int,  # noqa: ARG002 the others need it
    ) -> Float64[Tensor, "h w d"]:
        """Without quadrature: on the way u is open for the share ``(clip(u_1) - clip(u_0)) / (u_1 - u_0)`` of it."""
        first, last = self._before(torch.stack([start, end]))
        way, kept = last - first, last.clamp(0, self._top) - first.clamp(0, self._top)
        stays = ((first > 0) & (first < self._top)).double()
        moves = way != 0
        open_ = torch.where(moves, kept / torch.where(moves, way, 1.0), stays)
        return self._back(open_, weights)

    def _before(self, states: Float[Tensor, "*b d"]) -> Float[Tensor, "*b e"]:
        return states @ self._weight.to(states.dtype).T + self._bias.to(states.dtype)

    def _back(self, open_: Float64[Tensor, "*b h w e"], weights: Float64[Tensor, " c"]) -> Float64[Tensor, "*b h w d"]:
        n_patches = open_.shape[-3] * open_.shape[-2]
        return (open_ * (weights.to(self._weight) @ self._linear.weight / n_patches)) @ self._weight


class Logits(Tail):
    """Nothing at all: for a photo whose activations are logits already."""

    is_exact = True

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes

    def logits(self, states: Float[Tensor, "b h w d"]) -> Float64[Tensor, "b c"]:
        """The mean over patches."""
        return states.double().mean((1, 2))

    def gradients(
        self, states: Float64[Tensor, "b h w d"], weights: Float64[Tensor, " c"]
    ) -> Float64[Tensor, "b h w d"]:
        """``t / (h w)`` at every patch."""
        return (weights / (states.shape[1] * states.shape[2])).expand(states.shape)


class NetworkTail(Tail):
    """The network's own layers, in its own precision, for a photo whose class and register tokens stay as they are."""

    is_exact = False

    def __init__(self, model: VisionModel, layer: str, window: Window, *, photo: Activations) -> None:
        self._model, self._layer, self._window = model, layer, window
        with torch.inference_mode(mode=False):
            self._prefix = photo.prefix.clone()
        with torch.no_grad():
            self.n_classes = self._run(photo.patches).shape[1]

    def logits(self, states: Float[Tensor, "b h w d"]) -> Float64[Tensor, "b c"]:
        """The network goes on from every version, some at a time."""
        with torch.no_grad():
            return torch.cat([self._run(part.float()) for part in torch.split(states, _STATES_AT_ONCE)]).double().cpu()

    def gradients(
        self, states: Float64[Tensor, "b h w d"], weights: Float64[Tensor, " c"]
    ) -> Float64[Tensor, "b h w d"]:
        """By one backward pass for some versions at a time."""
        found = []
        with torch.inference_mode(mode=False), torch.enable_grad():
            for part in torch.split(states, _STATES_AT_ONCE):
                patches = part.clone().float().requires_grad_()
                logits = self._run(patches)
                (gradient,) = torch.autograd.grad((logits @ weights.to(logits)).sum(), patches, allow_unused=True)
                # Where only class tokens are read, patches make no difference.
                found.append((torch.zeros_like(patches) if gradient is None else gradient).double().cpu())
        return torch.cat(found)

    def _run(self, patches: Float[Tensor, "b h w d"]) -> Float[Tensor, "b c"]:
        prefix = self._prefix.expand(len(patches), -1, -1)
        there = Activations(patches.to(prefix.device), prefix)
        logits = self._model.logits_after(there, self._layer, self._window)
        if logits is None:
            raise no_head(self._model)
        return logits


def no_head(model: VisionModel) -> Unavailable:
    """What to say of a model that predicts nothing."""
    return Unavailable(
        f"{model.name} has no head: it predicts no classes, so concepts have no effect on a prediction. Choose a "
        "dictionary of a model with a head, for example efficientnet-lite0."
    )


def find_tail(model: VisionModel, layer: str, window: Window, *, photo: Activations) -> Tail:
    """What follows a layer for one photo, exactly where that can be.

    Raises ``Unavailable`` for a model without a head, ``InvalidInput`` for a layer that cannot be gone on from.
    """
    head, bent = model.linear_head(layer), model.bent_head(layer)
    if head is not None:
        return LinearTail(head)
    return NetworkTail(model, layer, window, photo=photo) if bent is None else BentTail(bent)


def exact_tail(model: VisionModel, layer: str) -> LinearTail:
    """The linear head after a layer; raises ``InvalidInput`` naming the layer that has one, if there is one."""
    head = model.linear_head(layer)
    if head is not None:
        return LinearTail(head)
    others = [other for other in model.layers if model.linear_head(other) is not None]
    remedy = f"use a dictionary of layer {others[0]}" if others else "no layer of it is followed by only that"
    raise InvalidInput(f"More than a mean and a linear map follows {model.name}, layer {layer}: {remedy}.")
