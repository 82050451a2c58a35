"""All streams of a universal dictionary together, as one dictionary of standardised joint activations."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from worker.dictionaries.base import Dictionary, SparseCodes
from worker.universal.dictionary import UniversalDictionary


class TogetherDictionary(Dictionary):
    """What indexing needs of a universal dictionary over M streams, in the space in which it learned.

    With ``u = [u_1 .. u_M]`` a joint token, standardised, and ``c_i`` the common codes of stream i by itself::

        c_bar = (1 / M) sum_i c_i
        u_hat = c_bar D

    Atoms are the joint ones, so in this space all streams have the same variance, and what a concept's removal adds to
    the squared error over the squared distance to the mean is its part of the R2 of all streams together.
    """

    method: ClassVar[str] = "universal-together"

    joint: Tensor

    def __init__(self, universal: UniversalDictionary) -> None:
        super().__init__(universal.spec, universal.width)
        self.universal = universal
        self.register_buffer("joint", universal.standard_atoms.clone())
        self.mean.copy_((universal.mean - universal.origin) / universal.scale)
        self.to(universal.mean.device)
        self.train(mode=False)

    @property
    def origin(self) -> Float[Tensor, " d"]:
        """Nothing: standardised activations are reconstructed from 0."""
        return torch.zeros_like(self.mean)

    @property
    def atoms(self) -> Float[Tensor, "K d"]:
        """Joint atoms; of norm 1, but for the published procedure, which gives every stream atoms of norm 1."""
        return self.joint

    def codes_by_stream(self, u: Float[Tensor, "n d"]) -> list[SparseCodes]:
        """Common codes of each stream, by that stream alone."""
        parts = enumerate(self.universal.parts)
        return [self.universal.standard_stream_codes(stream, u[:, part].contiguous()) for stream, part in parts]

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """Their mean."""
        return mean_codes(self.codes_by_stream(u))


def mean_codes(of_streams: Sequence[SparseCodes]) -> SparseCodes:
    """``(1 / M) sum_i c_i`` in as many slots as all streams use; what several streams use stands in one of them.

    Slots are put in order of their concepts, unused ones last. A concept then stands in up to M neighbouring slots,
    of which the first takes the sum.
    """
    n_concepts, n_streams = of_streams[0].n_concepts, len(of_streams)
    values = torch.cat([codes.values for codes in of_streams], dim=1)
    indices = torch.cat([codes.indices for codes in of_streams], dim=1)
    indices, order = torch.where(values > 0, indices, n_concepts).sort(dim=1, stable=True)
    values = values.gather(1, order)
    total = values.clone()
    for step in range(1, min(n_streams, values.shape[1])):
        same = indices[:, step:] == indices[:, :-step]
        total[:, :-step] += values[:, step:] * same
    repeated = torch.zeros_like(values, dtype=torch.bool)
    repeated[:, 1:] = indices[:, 1:] == indices[:, :-1]
    used = (indices < n_concepts) & ~repeated
    return SparseCodes(torch.where(used, indices, 0), torch.where(used, total / n_streams, 0.0), n_concepts)
