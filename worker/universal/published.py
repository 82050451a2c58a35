"""The Universal SAE of arXiv 2502.03714 as its code trains, for comparison."""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.universal import UniversalSpec
from worker.dictionaries.learned import Moment, Pass
from worker.dictionaries.sparse import firing_counts
from worker.universal.dictionary import UniversalDictionary

_RESIDUAL_WEIGHT = 0.1


class PublishedUniversalDictionary(UniversalDictionary):
    """One stream is drawn at each step; only its encoder and its decoder learn, from the absolute error in all streams.

    As the code has it (its config.yaml and training loop): an encoder of a linear map, batch normalisation and ReLU;
    atoms of norm 1 in each stream, started at random; TopK; the loss ``sum_j mean |u_j - c D_j| + 0.1 mean |r_j -
    c' D_j|`` with ``r_j`` the residual and ``c'`` the K/2 largest codes that were not chosen; the gradient of stream i
    clipped on its own; a schedule that moves on only when a stream is drawn, so that it ends after 1/M of its way.
    Activations are standardised by one mean and one deviation for all dimensions of a stream, without a mean vector.
    No decoder learns from another stream's codes: what the loss sends to the others' decoders is thrown away.

    One difference: weight decay of 1e-5 is left out.
    """

    offset: Tensor

    def __init__(self, spec: UniversalSpec, widths: Sequence[int]) -> None:
        super().__init__(spec, widths)
        self.register_buffer("offset", torch.zeros(self.width))
        self.norms = nn.ModuleList(nn.BatchNorm1d(spec.n_concepts) for _ in widths)

    @property
    def origin(self) -> Float[Tensor, " d"]:
        """One number for each stream, the mean of all entries."""
        return self.offset

    @torch.no_grad()
    def fit_standard(self, mean: Float[Tensor, " d"], std: Float[Tensor, " d"]) -> None:
        """The mean vector to be judged by; one mean and one deviation of all entries of a stream to learn with."""
        self.mean.copy_(mean)
        for part in self.parts:
            centre, spread = mean[part].double(), std[part].double()
            self.offset[part] = float(centre.mean())
            self.scale[part] = float((spread.square() + centre.square()).mean() - centre.mean() ** 2) ** 0.5

    def scheduled(self, done: float) -> float:
        """A stream's own schedule moves on when the stream is drawn."""
        return done / self.n_streams

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Random atoms of norm 1 in each stream, and a random encoder."""
        for stream, width in enumerate(self.widths):
            shape = (self.n_concepts, width)
            drawn = torch.randn(shape, generator=generator)
            self.decoders[stream].copy_(functional.normalize(drawn, dim=1))
            self.encoders[stream].copy_((2 * torch.rand(shape, generator=generator) - 1) / width**0.5)
            self.biases[stream].zero_()

    def learn(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Pass:
        """The loss of the drawn stream; gradients reach its encoder and its decoder alone."""
        (source,) = self.sources(moment)
        own = inputs[:, self.parts[source]]
        linear = functional.linear(own, self.encoders[source], self.biases[source])
        normed = cast(Tensor, self.norms[source](linear)).relu()
        values, indices = normed.topk(self.spec.n_active, dim=1, sorted=False)
        codes = torch.zeros_like(normed).scatter(1, indices, values)
        rest = normed - codes
        unchosen, places = rest.topk(max(self.n_concepts // 2, 1), dim=1, sorted=False)
        rest = torch.zeros_like(normed).scatter(1, places, unchosen)
        loss = inputs.new_zeros(())
        errors = []
        for stream, part in enumerate(self.parts):
            table = self.decoders[stream] if stream == source else self.decoders[stream].detach()
            residual = inputs[:, part] - codes @ table
            loss = loss + residual.abs().mean() + _RESIDUAL_WEIGHT * (residual - rest @ table).abs().mean()
            errors.append(residual.detach().square().sum() / inputs.numel())
        counts = firing_counts(indices, values.detach(), n_concepts=self.n_concepts)
        return Pass(loss, torch.stack(errors).sum(), counts > 0, int(counts.sum()))

    def project_gradients(self) -> None:
        """Nothing: the published code lets a step go along the atom and brings it back."""

    @torch.no_grad()
    def project(self) -> None:
        """Atoms of norm 1 in each stream."""
        for decoder in self.decoders:
            decoder.copy_(functional.normalize(decoder, dim=1))

    def stream_encoder(self, stream: int) -> tuple[Float[Tensor, "K d_i"], Float[Tensor, " K"]]:
        """Weight and bias with the running statistics of the batch normalisation folded in."""
        norm = cast(nn.BatchNorm1d, self.norms[stream])
        assert norm.running_mean is not None
        assert norm.running_var is not None
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        bias = norm.bias + factor * (self.biases[stream] - norm.running_mean)
        return factor[:, None] * self.encoders[stream], bias
