"""A universal dictionary: one code space, an encoder and a decoder for each stream."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from store.universal import UniversalSpec
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.kernels import uniform_pairs
from worker.dictionaries.learned import LearnedDictionary, Moment, Pass
from worker.dictionaries.losses import auxiliary_loss
from worker.dictionaries.pairs import Pairs, decode_pairs, encode_pairs
from worker.dictionaries.precodes import PreCodes, above, largest, top_of_batch
from worker.dictionaries.sparse import reconstruct, weighted_rows
from worker.dictionaries.starts import first_atoms
from worker.universal.pairing import parts_of
from worker.universal.support import on_support, values_at

_KEPT = 0.99  # share of a threshold that stays in a step
_START_TOKENS = 4096
_LEAST_SPREAD = 1e-3  # of a dimension, in unit of the whole stream's


class UniversalDictionary(LearnedDictionary):
    """Codes of any stream reconstruct every stream.

    With ``u_i = (x_i - mean_i) / scale_i`` for stream i of width ``d_i``, one of M::

        c_i     = choose(u_i W_i^T + b_i)                common codes, without unit, all >= 0
        x_hat_j = mean_j + scale_j * (c_i D_j)           for every i and j

    Side by side the streams are one vector, ``x = [x_1 .. x_M]``, and ``D = [D_1 .. D_M]`` has rows of norm 1. So a
    concept's length in a stream, ``|D_jk|``, is free between 0 (the stream knows nothing of it) and 1, and a code
    means the same wherever it comes from. The scale gives every stream the same variance in total,
    ``sum_d var(u_id) = sum_j d_j / M``, so that the mean squared error over all entries of all streams is
    ``1 - mean_j R2_j``, R2 being that of raw activations: no stream dominates, by its width or by its size. With
    ``spread = dimension`` each dimension has variance 1 instead, and the error is no longer exactly 1 - R2.

    As a ``Dictionary`` of the joint vector, its codes are chosen by the mean of the streams' pre-codes.
    """

    method: ClassVar[str] = "universal"

    spec: UniversalSpec
    thresholds: Tensor
    thresholded: Tensor

    def __init__(self, spec: UniversalSpec, widths: Sequence[int]) -> None:
        super().__init__(spec, sum(widths))
        self.widths = tuple(widths)
        self.parts = parts_of(widths)
        self.n_streams = len(self.widths)
        self.register_buffer("scale", torch.ones(self.width))
        self.register_buffer("thresholds", torch.zeros(self.n_streams))
        self.register_buffer("thresholded", torch.zeros(self.n_streams, dtype=torch.bool))
        n_concepts = spec.n_concepts
        self.encoders = nn.ParameterList(torch.zeros(n_concepts, width) for width in self.widths)
        self.biases = nn.ParameterList(torch.zeros(n_concepts) for _ in self.widths)
        self.decoders = nn.ParameterList(torch.zeros(n_concepts, width) for width in self.widths)

    @torch.no_grad()
    def fit_standard(self, mean: Float[Tensor, " d"], std: Float[Tensor, " d"]) -> None:
        """Mean vector, and the scale of each entry, from those of the training tokens."""
        self.mean.copy_(mean)
        for part, width in zip(self.parts, self.widths, strict=True):
            spread = std[part].double()
            whole = spread.square().mean().sqrt()
            one = spread.clamp_min(whole * _LEAST_SPREAD) if self.spec.spread == "dimension" else whole
            self.scale[part] = (one * (self.n_streams * width / self.width) ** 0.5).to(self.scale)

    @property
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms of all streams side by side, with norm 1 in standardised space."""
        return self.make_atoms().detach()

    def make_atoms(self) -> Float[Tensor, "K d"]:
        """The same with their gradient."""
        return torch.cat(list(self.decoders), dim=1)

    @property
    def _raw_atoms(self) -> Float[Tensor, "K d"]:
        return self.standard_atoms * self.scale

    @property
    def atoms(self) -> Float[Tensor, "K d"]:
        """Joint atoms with norm 1 in raw activations."""
        return functional.normalize(self._raw_atoms, dim=1)

    def gains(self, stream: int) -> Float[Tensor, " K"]:
        """What a common code of 1 adds to a stream, in the unit of its activations: ``|scale_j * D_jk|``."""
        lengths: Tensor = self._raw_atoms[:, self.parts[stream]].norm(dim=1)
        return lengths

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """Common codes chosen by the mean pre-code of all streams."""
        weights, biases = zip(*map(self.stream_encoder, range(self.n_streams)), strict=True)
        weight, bias = torch.cat(weights, dim=1) / self.n_streams, torch.stack(biases).mean(dim=0)
        return self._chosen(u, weight, bias=bias, threshold=float(self.thresholds.mean()))

    def stream_encoder(self, stream: int) -> tuple[Float[Tensor, "K d_i"], Float[Tensor, " K"]]:
        """Weight and bias of a stream's encoder, for its standardised activations."""
        return self.encoders[stream].detach(), self.biases[stream].detach()

    @torch.no_grad()
    def stream_codes(self, stream: int, x: Float[Tensor, "n d_i"]) -> SparseCodes:
        """Common codes of raw activations of one stream, by that stream alone."""
        part = self.parts[stream]
        return self.standard_stream_codes(stream, (x.to(self.mean) - self.origin[part]) / self.scale[part])

    @torch.no_grad()
    def standard_stream_codes(self, stream: int, u: Float[Tensor, "n d_i"]) -> SparseCodes:
        """The same of standardised activations."""
        weight, bias = self.stream_encoder(stream)
        return self._chosen(u, weight, bias=bias, threshold=float(self.thresholds[stream]))

    def _chosen(self, u: Tensor, weight: Tensor, *, bias: Tensor, threshold: float) -> SparseCodes:
        if self.spec.choice == "batchtopk":
            pairs = encode_pairs(u, weight, bias=bias, choose=above(max(threshold, 0.0)))
            return SparseCodes(*pairs.padded(), self.n_concepts)
        return SparseCodes(*top_of_batch(PreCodes(u, weight, bias), self.spec.n_active), self.n_concepts)

    @torch.no_grad()
    def decode_common(self, codes: SparseCodes) -> Float[Tensor, "n d"]:
        """What common codes reconstruct of all streams, side by side in raw activations."""
        return self.origin + weighted_rows(codes.indices, codes.values, table=self._raw_atoms)

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "n d"]) -> SparseCodes:
        """Codes of joint raw activations, in their unit."""
        codes = self.standard_codes(self.standardize(x))
        gain = self._raw_atoms.norm(dim=1)
        return SparseCodes(codes.indices, codes.values * gain[codes.indices], codes.n_concepts)

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Joint atoms as the spec says; each encoder tied to its part, scaled for the best joint reconstruction."""
        joint = self.first_joint_atoms(sample, generator=generator, on_iteration=on_iteration)
        inputs = sample[:_START_TOKENS]
        zeros = joint.new_zeros(self.n_concepts)
        for stream, part in enumerate(self.parts):
            atoms = joint[:, part].contiguous()
            self.decoders[stream].copy_(atoms)
            own = inputs[:, part].contiguous()
            output = reconstruct(own, atoms, bias=zeros, atoms=joint, n_active=self.spec.n_active).output
            tiny = torch.finfo(output.dtype).tiny
            self.encoders[stream].copy_((inputs * output).sum() / output.square().sum().clamp_min(tiny) * atoms)
            self.biases[stream].zero_()

    def first_joint_atoms(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> Float[Tensor, "K d"]:
        """Where the atoms start, side by side, with norm 1."""
        return first_atoms(self.spec, sample, generator=generator, on_iteration=on_iteration)

    def sources(self, moment: Moment) -> Sequence[int]:
        """The streams that are encoded at a step: all, or one drawn by the seed and the number of the step."""
        if self.spec.procedure == "all":
            return range(self.n_streams)
        generator = torch.Generator().manual_seed(self.spec.seed * 1_000_003 + moment.step)
        return [int(torch.randint(self.n_streams, (1,), generator=generator))]

    def learn(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Pass:
        """Mean over the encoded streams of the weighed error, the auxiliary loss of dead concepts, and the decay."""
        together = self.spec.choice == "shared" or moment.done < self.spec.together
        support = self._support(inputs) if together else None
        dead = (self.silent_tokens >= self.spec.dead_after_tokens).nonzero()[:, 0]
        sources = self.sources(moment)
        losses, errors = [], []
        counts = self.silent_tokens.new_zeros(self.n_concepts)
        chosen = []
        for stream in sources:
            output, codes = self._activate(stream, inputs, atoms=atoms, support=support)
            counts += codes.counts()
            chosen.append(codes)
            loss, error = self._errors(stream, inputs - output)
            if len(dead) and self.spec.aux_weight > 0:
                loss = loss + self.spec.aux_weight * self._auxiliary(stream, inputs, output, atoms=atoms, dead=dead)
            losses.append(loss + self.spec.encoder_decay * self.encoders[stream].square().sum(dim=1).mean())
            errors.append(error)
        n_fired = int(counts.sum()) // len(sources)
        loss = torch.stack(losses).mean()
        if self.spec.agreement and len(sources) > 1:
            loss = loss + self.spec.agreement * self._disagreement(inputs, chosen)
        return Pass(loss, torch.stack(errors).mean(), counts > 0, n_fired)

    def _disagreement(self, inputs: Float[Tensor, "b d"], chosen: Sequence[Pairs]) -> Float[Tensor, ""]:
        """How far codes are from those of the other streams, as the error that it makes in an entry of a joint token.

        ``sum_k (c_jk - c_ik)^2`` over the concepts k that fire in j, averaged over ordered pairs of streams (i, j);
        ``c_ik`` is 0 where k does not fire in i, and carries no gradient. What does not fire in j is left alone: it
        would be drawn to fire where it sees nothing.
        """
        total = inputs.new_zeros(())
        for stream, own in enumerate(chosen):
            firing = own.only(own.values.detach() > 0)
            for other, theirs in enumerate(chosen):
                if other != stream:
                    total = total + (firing.values - values_at(firing.index, theirs)).square().sum()
        n_streams = len(chosen)
        return total / (inputs.numel() * n_streams * (n_streams - 1))

    def _activate(
        self, stream: int, inputs: Tensor, *, atoms: Tensor, support: Tensor | None
    ) -> tuple[Float[Tensor, "b d"], Pairs]:
        """What one stream's codes reconstruct, and the codes."""
        own = inputs[:, self.parts[stream]].contiguous()
        weight, bias = self.encoders[stream], self.biases[stream]
        if self.spec.choice == "topk" and support is None:
            found = reconstruct(own, weight, bias=bias, atoms=atoms, n_active=self.spec.n_active)
            index = uniform_pairs(found.indices, n_concepts=self.n_concepts)
            return found.output, Pairs(index, found.values.flatten())
        choose = largest(self.spec.n_active * len(own)) if support is None else on_support(support)
        pairs = encode_pairs(own, weight, bias=bias, choose=choose)
        pairs = pairs.with_values(pairs.values.relu())
        if support is None and len(pairs.values):
            self._follow(stream, pairs.values.detach().min())
        return decode_pairs(pairs, atoms), pairs

    def _support(self, inputs: Tensor) -> Int[Tensor, "b a"]:
        """The concepts with the largest sums of pre-codes over all streams."""
        weight = torch.cat([encoder.detach() for encoder in self.encoders], dim=1)
        bias = torch.stack([bias.detach() for bias in self.biases]).sum(dim=0)
        return top_of_batch(PreCodes(inputs, weight, bias), self.spec.n_active)[0]

    def _follow(self, stream: int, smallest: Tensor) -> None:
        """A step of a stream's threshold, the moving average of the smallest code that was chosen."""
        before = self.thresholds[stream]
        after = torch.where(self.thresholded[stream], torch.lerp(smallest, before, _KEPT), smallest)
        self.thresholds[stream] = after
        self.thresholded[stream] = True

    def _errors(self, stream: int, residual: Float[Tensor, "b d"]) -> tuple[Tensor, Tensor]:
        """The error weighed by ``cross_weight`` with weights of mean 1, and the plain one, detached."""
        error = residual.square().mean()
        own = residual[:, self.parts[stream]].square().sum() / residual.numel()
        weight = self.spec.cross_weight
        weighed = (own + weight * (error - own)) * (self.n_streams / (1 + weight * (self.n_streams - 1)))
        return weighed, error.detach()

    def _auxiliary(self, stream: int, inputs: Tensor, output: Tensor, *, atoms: Tensor, dead: Tensor) -> Tensor:
        return auxiliary_loss(
            inputs[:, self.parts[stream]].contiguous(),
            inputs - output,
            weight=self.encoders[stream][dead],
            bias=self.biases[stream][dead],
            atoms=atoms[dead],
            n_active=self.spec.aux_active or max(self.widths[stream] // 2, 1),
        )

    def adapted(self) -> tuple[Tensor, ...]:
        """The thresholds."""
        return (self.thresholds,)

    @torch.no_grad()
    def project_gradients(self) -> None:
        """Take out of the gradient of each joint atom what lies along it."""
        along = sum((_gradient(d) * d).sum(dim=1, keepdim=True) for d in self.decoders)
        for decoder in self.decoders:
            _gradient(decoder).sub_(along * decoder)

    @torch.no_grad()
    def project(self) -> None:
        """Bring every joint atom back to norm 1."""
        norms = self.make_atoms().norm(dim=1, keepdim=True).clamp_min(torch.finfo(self.scale.dtype).tiny)
        for decoder in self.decoders:
            decoder.div_(norms)


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad
