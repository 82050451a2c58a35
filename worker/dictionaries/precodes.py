"""Pre-codes ``u W^T + b`` of a batch, made some rows at a time, and the ways to choose among them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from worker.dictionaries.kernels import PairIndex, encoder_product, uniform_pairs

_PART_ENTRIES = {"cpu": 3 << 20, "cuda": 1 << 28}  # pre-codes that stand in memory at once; on the CPU, in its cache
_PRODUCT_DTYPE = {"cuda": torch.bfloat16}  # precision in which pre-codes of float32 inputs are compared
_GROUP = 8  # pre-codes of which first only the largest is looked at


class PreCodes:
    """``u W^T + b``, which never stands whole in memory; nothing here carries a gradient.

    On a GPU the product is made in bfloat16 (summed in float32), which decides what is chosen; ``exact`` makes the few
    chosen pre-codes again from the weights as they are.
    """

    def __init__(self, inputs: Float[Tensor, "n d"], weight: Float[Tensor, "K d"], bias: Float[Tensor, " K"]) -> None:
        self.inputs, self.weight, self.bias = inputs.detach(), weight.detach(), bias.detach()
        self.n_tokens, self.n_concepts = len(inputs), len(weight)
        full = inputs.dtype == torch.float32
        self.dtype = _PRODUCT_DTYPE.get(inputs.device.type, inputs.dtype) if full else inputs.dtype

    @torch.no_grad()
    def parts(self) -> Iterator[tuple[int, Float[Tensor, "r K"]]]:
        """The first row and the pre-codes of some rows at a time; a part may be overwritten by the next one."""
        inputs, weight, bias = (tensor.to(self.dtype) for tensor in (self.inputs, self.weight, self.bias))
        entries = _PART_ENTRIES.get(inputs.device.type, 1 << 24)
        n_rows = max(min(entries // self.n_concepts, self.n_tokens), 1)
        product = encoder_product(weight, bias, n_rows=n_rows, n_parts=-(-self.n_tokens // n_rows))
        for first in range(0, max(self.n_tokens, 1), n_rows):
            yield first, product(inputs[first : first + n_rows])

    def exact(self, pairs: PairIndex) -> Float[Tensor, " m"] | None:
        """Pre-codes of some pairs in the precision of the inputs; None where the product has it already."""
        if self.dtype == self.inputs.dtype:
            return None
        return pairs.products(self.inputs, self.weight) + self.bias[pairs.concepts]


def top_codes(pre_codes: Float[Tensor, "n K"], n_active: int) -> tuple[Int[Tensor, "n a"], Float[Tensor, "n a"]]:
    """Indices and values of the ``n_active`` largest pre-codes of each token, negative values set to 0."""
    indices, values = _top(pre_codes, n_active)
    return indices, values.relu_()


def _top(entries: Float[Tensor, "n m"], n_wanted: int) -> tuple[Int[Tensor, "n a"], Float[Tensor, "n a"]]:
    """Indices and values of the ``n_wanted`` largest entries of each row.

    They lie in the ``n_wanted`` groups with the largest maxima, so after one pass for the maxima all else is left out.
    """
    n, width = entries.shape
    n_groups = width // _GROUP
    if n_groups < 2 * n_wanted:
        values, indices = entries.topk(n_wanted, dim=1, sorted=False)
        return indices, values
    grouped = entries[:, : _GROUP * n_groups].reshape(n, _GROUP, n_groups)  # a group's members lie n_groups apart
    groups, _ = _top(grouped.amax(dim=1), n_wanted)
    members = grouped.gather(2, groups[:, None, :].expand(n, _GROUP, n_wanted)).flatten(1)
    rest = entries[:, _GROUP * n_groups :]
    values, places = torch.cat([members, rest], dim=1).topk(n_wanted, dim=1, sorted=False)
    row = torch.div(places, n_wanted, rounding_mode="floor")
    of_members = row * n_groups + groups.gather(1, places % n_wanted)
    return torch.where(row < _GROUP, of_members, places + _GROUP * (n_groups - n_wanted)), values


def top_of_batch(pre_codes: PreCodes, n_active: int) -> tuple[Int[Tensor, "n a"], Float[Tensor, "n a"]]:
    """The same as ``top_codes`` from pre-codes in parts."""
    found = [top_codes(part, n_active) for _, part in pre_codes.parts()]
    indices, values = (torch.cat(parts) for parts in zip(*found, strict=True))
    exact = pre_codes.exact(uniform_pairs(indices, n_concepts=pre_codes.n_concepts))
    return indices, values if exact is None else exact.view(indices.shape).relu_()


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
        return _as_pairs(_joined(found), pre_codes, threshold=threshold)

    return choose


def largest(n_pairs: int) -> Choose:
    """The ``n_pairs`` largest pre-codes of the whole batch, fewer where fewer are above 0; exact.

    The first rows tell about where the smallest of them will lie; what is above a lower guess is collected. Should
    that be too little, all that is above 0 is. Of equal pre-codes at the bound the first are taken.
    """

    def choose(pre_codes: PreCodes) -> Chosen:
        found = _collect(pre_codes, n_pairs, guess=True)
        if len(found.values) < n_pairs:
            found = _collect(pre_codes, n_pairs, guess=False)
        return _as_pairs(found, pre_codes, threshold=0.0)

    return choose


class _Entries(NamedTuple):
    """Places in the flattened pre-codes of the batch, ascending, and what stands there."""

    places: Int[Tensor, " m"]
    values: Float[Tensor, " m"]


def _collect(pre_codes: PreCodes, n_pairs: int, *, guess: bool) -> _Entries:
    """The ``n_pairs`` largest above 0, or above a guess. What has been seen bounds the result from below."""
    found: list[_Entries] = []
    floor = 0.0
    for first, part in pre_codes.parts():
        if guess and first == 0:
            floor = _guessed_bound(part, 1.5 * n_pairs * len(part) / max(pre_codes.n_tokens, 1))
        found.append(_entries_above(part, floor, first=first))
        if sum(len(entries.values) for entries in found) > 3 * n_pairs:
            found = [_largest_entries(_joined(found), n_pairs)]
            floor = float(found[0].values.min())
    return _largest_entries(_joined(found), n_pairs)


def _guessed_bound(part: Float[Tensor, "r K"], n_above: float) -> float:
    """Above this lie about ``n_above`` entries of the part; 0 at least."""
    entries = part.flatten()
    wanted = min(int(n_above) + 16, len(entries))
    return max(float(entries.topk(wanted, sorted=False).values.min()), 0.0) if wanted else 0.0


def _joined(parts: list[_Entries]) -> _Entries:
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


def _as_pairs(entries: _Entries, pre_codes: PreCodes, *, threshold: float | Tensor) -> Chosen:
    """Pairs of entries above a threshold, which they must also be in the precision of the inputs."""
    chosen = _by_token(entries, pre_codes)
    exact = pre_codes.exact(PairIndex(chosen.starts, chosen.concepts, n_concepts=pre_codes.n_concepts))
    if exact is None:
        return chosen
    kept = exact > (threshold[chosen.concepts] if isinstance(threshold, Tensor) else threshold)
    return _by_token(_Entries(entries.places[kept], exact[kept]), pre_codes)


def _by_token(entries: _Entries, pre_codes: PreCodes) -> Chosen:
    tokens = torch.div(entries.places, pre_codes.n_concepts, rounding_mode="floor")
    starts = tokens.new_zeros(pre_codes.n_tokens + 1)
    torch.cumsum(torch.bincount(tokens, minlength=pre_codes.n_tokens), dim=0, out=starts[1:])
    return Chosen(starts, entries.places % pre_codes.n_concepts, entries.values)
