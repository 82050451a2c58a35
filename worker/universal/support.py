"""Codes on concepts that were chosen elsewhere: the same for all streams of a token."""

import torch
from jaxtyping import Int
from torch import Tensor

from worker.dictionaries.kernels import PairIndex, uniform_pairs
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


def at_pairs(index: PairIndex) -> Choose:
    """Given pairs of tokens and concepts, with their pre-codes whatever their sign."""

    def choose(pre_codes: PreCodes) -> Chosen:
        values = index.products(pre_codes.inputs, pre_codes.weight) + pre_codes.bias[index.concepts]
        return Chosen(index.starts, index.concepts, values)

    return choose
