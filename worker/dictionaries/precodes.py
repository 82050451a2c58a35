"""Pre-codes ``u W^T + b`` of a batch, made some rows at a time, and the ways to choose among them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_PART_ENTRIES = {"cpu": 1 << 21, "cuda": 1 << 28}  # pre-codes that stand in memory at once; on the CPU, in its cache


class PreCodes:
    """``u W^T + b``, which never stands whole in memory; nothing here carries a gradient."""

    def __init__(
        self, inputs: Float[Tensor, "n d"], weight: Float[Tensor, "K d"], bias: Float[Tensor, " K"]
    ) -> None:
        self.inputs, self.weight, self.bias = inputs.detach(), weight.detach(), bias.detach()
        self.n_tokens, self.n_concepts = len(inputs), len(weight)

    def parts(self) -> Iterator[tuple[int, Float[Tensor, "r K"]]]:
        """The first row and the pre-codes of some rows at a time; a part is overwritten by the next one."""
        entries = _PART_ENTRIES.get(self.inputs.device.type, 1 << 24)
        n_rows = min(max(entries // self.n_concepts, 1), max(self.n_tokens, 1))
        room = self.inputs.new_empty(n_rows, self.n_concepts)
        for first in range(0, self.n_tokens, n_rows):
            rows = self.inputs[first : first + n_rows]
            part = room[: len(rows)]
            torch.addmm(self.bias, rows, self.weight.t(), out=part)
            yield first, part


def top_codes(pre_codes: Float[Tensor, "n K"], n_active: int) -> tuple[Int[Tensor, "n a"], Float[Tensor, "n a"]]:
    """Indices and values of the ``n_active`` largest pre-codes of each token, negative values set to 0."""
    values, indices = pre_codes.topk(n_active, dim=1, sorted=False)
    return indices, values.relu_()


def top_of_batch(pre_codes: PreCodes, n_active: int) -> tuple[Int[Tensor, "n a"], Float[Tensor, "n a"]]:
    """The same as ``top_codes`` from pre-codes in parts."""
    found = [top_codes(part, n_active) for _, part in pre_codes.parts()]
    if len(found) == 1:
        return found[0]
    indices, values = zip(*found, strict=True)
    return torch.cat(indices), torch.cat(values)


class Chosen(NamedTuple):
    """Pairs in order of tokens with their pre-codes; token i owns those from ``starts[i]`` to ``starts[i + 1]``."""

    starts: Int[Tensor, " bags"]
    concepts: Int[Tensor, " m"]
    values: Float[Tensor, " m"]


Choose = Callable[[PreCodes], Chosen]


def above(threshold: float | Float[Tensor, " K"]) -> Choose:
    """All pairs whose pre-code is above a threshold, one for all concepts or one for each."""

    def choose(pre_codes: PreCodes) -> Chosen:
        found = [_entries_above(part, threshold, first=first) for first, part in pre_codes.parts()]
        return _as_pairs(_joined(found, like=pre_codes.inputs), pre_codes)

    return choose


def largest(n_pairs: int) -> Choose:
    """The ``n_pairs`` largest pre-codes of the whole batch, fewer where fewer are above 0; exact.

    The ``n_pairs``-th largest of what has been seen bounds that of the whole batch from below, so each part only
    gives what is above it. Of equal pre-codes at the bound the first are taken.
    """

    def choose(pre_codes: PreCodes) -> Chosen:
        best, floor = _joined([], like=pre_codes.inputs), 0.0
        for first, part in pre_codes.parts():
            best = _joined([best, _entries_above(part, floor, first=first)], like=pre_codes.inputs)
            if len(best.values) > 2 * n_pairs:
                best = _largest_entries(best, n_pairs)
                floor = float(best.values.min())
        return _as_pairs(_largest_entries(best, n_pairs), pre_codes)

    return choose


class _Entries(NamedTuple):
    """Places in the flattened pre-codes of the batch, ascending, and what stands there."""

    places: Int[Tensor, " m"]
    values: Float[Tensor, " m"]


def _joined(parts: list[_Entries], *, like: Tensor) -> _Entries:
    if not parts:
        return _Entries(torch.zeros(0, dtype=torch.int64, device=like.device), like.new_zeros(0))
    places, values = zip(*parts, strict=True)
    return _Entries(torch.cat(places), torch.cat(values))


def _entries_above(part: Float[Tensor, "r K"], threshold: float | Tensor, *, first: int) -> _Entries:
    places = (part > threshold).flatten().nonzero()[:, 0]
    return _Entries(places + first * part.shape[1], part.flatten()[places])


def _largest_entries(entries: _Entries, n_wanted: int) -> _Entries:
    if len(entries.values) <= n_wanted:
        return entries
    bound = entries.values.topk(n_wanted, sorted=False).values.min()
    chosen: Bool[Tensor, " m"] = entries.values > bound
    ties = (entries.values == bound).nonzero()[:, 0]
    chosen[ties[: n_wanted - int(chosen.sum())]] = True
    return _Entries(entries.places[chosen], entries.values[chosen])


def _as_pairs(entries: _Entries, pre_codes: PreCodes) -> Chosen:
    tokens = entries.places // pre_codes.n_concepts
    starts = tokens.new_zeros(pre_codes.n_tokens + 1)
    torch.cumsum(torch.bincount(tokens, minlength=pre_codes.n_tokens), dim=0, out=starts[1:])
    return Chosen(starts, entries.places % pre_codes.n_concepts, entries.values)
