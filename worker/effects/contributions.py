"""How much each concept adds to a class's score on one photo, with everything that is no concept beside it.

A photo's patches are ``x = origin + z D + e``. For a score ``y`` of the logits::

    y(x) = bias + residual + sum_k contribution_k + gap
    bias = y(origin)                     what the head says of no concept at all
    residual = y(origin + e) - y(origin) what the dictionary misses

Concept k contributes ``sum_i z_ik <g_i, d_k>`` over patches i, with ``g`` [n d] by method:

* exact: ``g_i = W^T t / n``, where only a mean over n patches and a linear map W follow; then ``gap = 0``, and all
  other methods give the same numbers;
* gradient: ``g = dy/dx`` at the photo (gradient x activation); local, so that the gap may be large;
* integrated: the mean of ``dy/dx`` along the straight way from ``z = 0`` with the error kept to the photo (Sundararajan
  et al. 2017, arXiv 1703.01365): in closed form where each patch is bent but once before a linear head (gap 0), else by
  Gauss-Legendre quadrature; the gap is what the quadrature misses;
* occlusion: ``y(x) - y(x less z_k d_k)``, one pass for each concept: what is really lost without it. The gap is what
  concepts do together; there are no g, and maps only on request (``occluded_patches``).
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from store.errors import InvalidInput, Unavailable
from worker.effects.photo import CodedPhoto
from worker.effects.tails import Tail
from worker.effects.targets import Target

N_STEPS = 16
_STATES_AT_ONCE = 16


class TooSlow(Unavailable):
    """It would take longer than somebody waits for it."""


class Method(StrEnum):
    """How contributions are found."""

    EXACT = "exact"
    GRADIENT = "gradient"
    INTEGRATED = "integrated"
    OCCLUSION = "occlusion"


@dataclass(frozen=True)
class Contributions:
    """Terms that add up to a class's score on one photo, in logits."""

    method: Method
    target: Target
    score: float
    """``y(x)``, of the photo as it is."""
    bias: float
    residual: float
    concepts: Int64[Tensor, " m"]
    """The concepts that fire, ascending; all others contribute nothing."""
    values: Float64[Tensor, " m"]
    maps: Float64[Tensor, "m h w"] | None
    """Each patch's part of the values; None for occlusion, which is not a sum over patches."""

    @property
    def gap(self) -> float:
        """What the terms leave unexplained: 0 for exact ones, else how far they are from complete."""
        return self.score - self.bias - self.residual - float(self.values.sum())

    def strongest(self, n: int, *, positive: bool = False) -> list[int]:
        """Places of the n largest contributions by size, or of the n largest above 0; ties by concept."""
        size = self.values if positive else self.values.abs()
        order = torch.sort(size, descending=True, stable=True).indices.tolist()
        return [place for place in order[:n] if not positive or float(self.values[place]) > 0]


def contributions(
    photo: CodedPhoto, tail: Tail, target: Target, *, method: Method | None = None, n_steps: int = N_STEPS
) -> Contributions:
    """Contributions by the exact formula where there is one, otherwise integrated; or by the method asked for.

    Raises ``InvalidInput`` for the exact method where more than pooling and a linear map follows, ``NotFound`` for a
    class that the head does not have.
    """
    method = (Method.EXACT if tail.is_exact else Method.INTEGRATED) if method is None else method
    weights = target.weights(tail.n_classes)
    score, emptied, bare = (tail.logits(torch.stack([photo.patches, photo.emptied, photo.bare])) @ weights).tolist()
    if method is Method.OCCLUSION:
        values, maps = occlusion(photo, tail, target, concepts=photo.concepts.tolist()), None
    else:
        slopes = _slopes(photo, tail, weights, method=method, n_steps=n_steps)
        parts = photo.codes.T * (photo.active_atoms @ slopes.flatten(0, 1).T)
        values, maps = parts.sum(dim=1), photo.as_map(parts)
    return Contributions(method, target, score, bare, emptied - bare, photo.concepts, values, maps)


def occlusion(photo: CodedPhoto, tail: Tail, target: Target, *, concepts: Sequence[int]) -> Float64[Tensor, " e"]:
    """``y(x) - y(x less z_k d_k)`` for some concepts: the drop of the score when one of them is taken away."""
    atoms = photo.atoms_of(concepts)
    taken = (torch.outer(photo.codes_of(k), atom) for k, atom in zip(concepts, atoms, strict=True))
    return _drops(photo, tail, target.weights(tail.n_classes), taken=taken)


def occluded_patches(
    photo: CodedPhoto, tail: Tail, target: Target, *, concept: int, within_s: float = math.inf
) -> Float64[Tensor, "h w"]:
    """The drop of the score when a concept is taken away from one patch alone, for every patch.

    One pass for each patch on which it fires. Raises ``TooSlow`` when that takes longer than it may.
    """
    codes, (atom,) = photo.codes_of(concept), photo.atoms_of([concept])
    fires = codes.nonzero()[:, 0]
    taken = (torch.outer(torch.where(torch.arange(len(codes)) == place, codes, 0), atom) for place in fires)
    drops = codes.new_zeros(len(codes))
    drops[fires] = _drops(photo, tail, target.weights(tail.n_classes), taken=in_time(taken, within_s=within_s))
    return photo.as_map(drops)


def in_time(
    parts: Iterable[Float64[Tensor, "n d"]], *, within_s: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[Float64[Tensor, "n d"]]:
    """The same as long as there is time; raises ``TooSlow`` after that."""
    until = clock() + within_s
    for part in parts:
        if clock() > until:
            raise TooSlow(f"It takes more than {within_s:g} s here, since the rest of the network runs for each patch.")
        yield part


def _drops(
    photo: CodedPhoto, tail: Tail, weights: Float64[Tensor, " c"], *, taken: Iterable[Float64[Tensor, "n d"]]
) -> Float64[Tensor, " e"]:
    """The score of the photo less that of the photo with something taken away; some versions at a time."""
    scores, waiting = [photo.codes.new_zeros(0)], iter(taken)
    while states := [photo.patches - part.view(photo.patches.shape) for part in islice(waiting, _STATES_AT_ONCE)]:
        scores.append(tail.logits(torch.stack(states)) @ weights)
    found = torch.cat(scores)
    return tail.logits(photo.patches[None]) @ weights - found if len(found) else found


def _slopes(
    photo: CodedPhoto, tail: Tail, weights: Tensor, *, method: Method, n_steps: int
) -> Float64[Tensor, "h w d"]:
    """g: the score's gradient that a method multiplies codes with."""
    if method is Method.INTEGRATED:
        if n_steps < 1:
            raise InvalidInput(f"Integrated gradients take at least one step, not {n_steps}.")
        return tail.mean_gradients(photo.emptied, photo.patches, weights, n_steps=n_steps)
    if method is Method.EXACT and not tail.is_exact:
        raise InvalidInput(
            "Contributions are exact only where a mean over patches and a linear map follow the layer; use gradient, "
            "integrated or occlusion."
        )
    return tail.gradients(photo.patches[None], weights)[0]
