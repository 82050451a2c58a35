"""Codes on concepts that were chosen elsewhere, for the same tokens."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from worker.dictionaries.kernels import PairIndex, uniform_pairs
from worker.dictionaries.pairs import Pairs
from worker.dictionaries.precodes import Choose, Chosen, PreCodes


def on_support(support: Int[Tensor, "n a"]) -> Choose:
    """The pairs of given concepts, with their pre-codes whatever their sign."""

    def choose(pre_codes: PreCodes) -> Chosen:
        pairs = uniform_pairs(support, n_concepts=pre_codes.n_concepts)
        values = pre_codes.exact(pairs)
        if values is None:
            parts = [part.gather(1, support[first : first + len(part)]) for first, part in pre_codes.parts()]
            values = torch.cat(parts).flatten()
        return Chosen(pairs.starts, pairs.concepts, values)

    return choose


@torch.no_grad()
def values_at(wanted: PairIndex, pairs: Pairs) -> Float[Tensor, " m"]:
    """The values of ``pairs`` at other pairs of tokens and concepts; 0 where they have none, or none above 0."""
    keys, order = _keys(pairs.index).sort()
    if not len(keys):
        return pairs.values.new_zeros(len(wanted.concepts))
    sought = _keys(wanted)
    places = torch.searchsorted(keys, sought).clamp_max(len(keys) - 1)
    found = pairs.values[order[places]].relu()
    return torch.where(keys[places] == sought, found, torch.zeros_like(found))


def _keys(index: PairIndex) -> Int[Tensor, " m"]:
    """A number for each pair of a token and a concept."""
    return index.tokens * index.n_concepts + index.concepts
