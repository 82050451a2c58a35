"""One stream of a universal dictionary, as a dictionary of that model's own activations."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from worker.dictionaries.base import Dictionary, SparseCodes
from worker.dictionaries.pairs import encode_pairs
from worker.dictionaries.precodes import PreCodes, above, top_of_batch
from worker.universal.dictionary import UniversalDictionary


class StreamDictionary(Dictionary):
    """What indexing and metrics of one layer need of a universal dictionary.

    Codes keep the contract's unit, that of the activations: ``z_k = gain_k c_k`` with c the common code and
    ``gain_k`` the length of concept k in this stream; atoms have norm 1. Two streams that see a concept alike have
    equal common codes, ``z / gain``, whatever their scales are.
    """

    method: ClassVar[str] = "universal-stream"
    per_concept: ClassVar[tuple[str, ...]] = (*Dictionary.per_concept, "unit_atoms", "gain", "weight", "bias")

    start: Tensor
    unit_atoms: Tensor
    gain: Tensor
    weight: Tensor
    bias: Tensor
    threshold: Tensor

    def __init__(self, universal: UniversalDictionary, stream: int) -> None:
        part = universal.parts[stream]
        super().__init__(universal.spec, universal.widths[stream])
        self.choice = universal.spec.choice
        weight, bias = universal.stream_encoder(stream)
        scale = universal.scale[part]
        raw = universal.decoders[stream].detach() * scale
        self.mean.copy_(universal.mean[part])
        self.silent_tokens.copy_(universal.silent_tokens)
        self.register_buffer("start", universal.origin[part].clone())
        self.register_buffer("unit_atoms", functional.normalize(raw, dim=1))
        self.register_buffer("gain", raw.norm(dim=1))
        self.register_buffer("weight", (weight / scale).contiguous())
        self.register_buffer("bias", bias.clone())
        self.register_buffer("threshold", universal.thresholds[stream].clone())
        self.to(raw.device)

    @property
    def origin(self) -> Float[Tensor, " d"]:
        """What a token without any concept is reconstructed as: the mean, but for the published procedure."""
        return self.start

    @property
    def atoms(self) -> Float[Tensor, "K d"]:
        """Atoms of the stream with norm 1."""
        return self.unit_atoms

    def common_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes in the unit that all streams share, from activations less the origin."""
        if self.choice == "batchtopk":
            pairs = encode_pairs(u, self.weight, bias=self.bias, choose=above(max(float(self.threshold), 0.0)))
            return SparseCodes(*pairs.padded(), self.n_concepts)
        indices, values = top_of_batch(PreCodes(u, self.weight, self.bias), self.spec.n_active)
        return SparseCodes(indices, values, self.n_concepts)

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """The same in the unit of the stream's activations."""
        codes = self.common_codes(u)
        with torch.no_grad():
            return SparseCodes(codes.indices, codes.values * self.gain[codes.indices], codes.n_concepts)


def stream_dictionary(universal: UniversalDictionary, stream: int) -> StreamDictionary:
    """A stream's own dictionary, in evaluation mode."""
    view = StreamDictionary(universal, stream)
    view.train(mode=False)
    return view
