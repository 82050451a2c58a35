"""How much of the activations a dictionary reconstructs."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from store.errors import InvalidInput
from worker.dictionaries.base import Dictionary, TokenStream
from worker.dictionaries.tokens import checked_batches


@dataclass
class Errors:
    """Squared errors and variance about the training mean, summed over tokens in float64."""

    error: float = 0.0
    variance: float = 0.0
    permuted_error: float = 0.0
    """With each token given the output of another token of its batch."""
    n_tokens: int = 0

    def add(
        self,
        tokens: Float[Tensor, "n d"],
        output: Float[Tensor, "n d"],
        *,
        mean: Float[Tensor, " d"],
        generator: torch.Generator,
    ) -> None:
        """Add some more tokens and what they are reconstructed as."""
        others = torch.randperm(len(tokens), generator=generator).to(tokens.device)
        self.n_tokens += len(tokens)
        self.error += _squares(tokens - output)
        self.variance += _squares(tokens - mean)
        self.permuted_error += _squares(tokens - output[others])

    @property
    def fvu(self) -> float:
        """``sum |x - x_hat|^2 / sum |x - mean|^2``."""
        return self.error / self._variance

    @property
    def permuted_fvu(self) -> float:
        """The same with permuted outputs."""
        return self.permuted_error / self._variance

    @property
    def _variance(self) -> float:
        if not self.variance > 0:
            raise InvalidInput(
                f"The {self.n_tokens} held-out tokens have no variance, so a dictionary cannot be judged on them; "
                "hold out more images."
            )
        return self.variance


@torch.no_grad()
def centred_r2(dictionary: Dictionary, stream: TokenStream) -> float:
    """``1 - sum |x - x_hat|^2 / sum |x - mean|^2`` with the dictionary's mean vector, float64 sums."""
    error = variance = 0.0
    for batch in checked_batches(stream, dictionary.spec.batch_tokens, seed=0, epoch=0):
        tokens = batch.to(dictionary.mean)
        error += _squares(tokens - dictionary.decode(dictionary.encode(tokens)))
        variance += _squares(tokens - dictionary.mean)
    return 1.0 - error / variance if variance > 0 else 0.0


def _squares(difference: Tensor) -> float:
    return float(difference.square().sum(dtype=torch.float64))
