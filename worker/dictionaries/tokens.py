"""Tokens held in memory, and samples taken from any stream."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from store.errors import InvalidInput
from worker.dictionaries.base import TokenStream


class MemoryTokens:
    """A ``TokenStream`` over one tensor; mean and std are those of the training split when given."""

    def __init__(self, tokens: Float[Tensor, "n d"], *, mean: Tensor | None = None, std: Tensor | None = None) -> None:
        self.tokens = tokens
        whole = tokens.double()
        self._mean = whole.mean(dim=0).float() if mean is None else mean
        self._std = whole.std(dim=0, correction=0).float() if std is None else std

    @property
    def n_tokens(self) -> int:
        """Tokens in one epoch."""
        return len(self.tokens)

    @property
    def width(self) -> int:
        """Length d of one activation."""
        return self.tokens.shape[1]

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """Mean vector of the training split."""
        return self._mean

    @property
    def std(self) -> Float[Tensor, " d"]:
        """Standard deviation of each dimension."""
        return self._std

    def batches(self, batch_tokens: int, *, seed: int, epoch: int) -> Iterator[Float[Tensor, "b d"]]:
        """Every token once, in an order that seed and epoch decide."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.tokens), generator=generator)
        for rows in torch.split(order, batch_tokens):
            yield self.tokens[rows]

    def first_bad(self) -> str:
        """The row of the first NaN or infinite activation."""
        rows = (~self.tokens.isfinite()).any(dim=1).nonzero()
        return f"row {int(rows[0, 0])}" if len(rows) else "no row"


def checked_batches(stream: TokenStream, batch_tokens: int, *, seed: int, epoch: int) -> Iterator[Float[Tensor, "b d"]]:
    """The stream's batches in float32; raises ``InvalidInput`` at the first value that is no finite number."""
    for number, batch in enumerate(stream.batches(batch_tokens, seed=seed, epoch=epoch)):
        tokens = batch.float()
        # The sum is finite when all entries are (up to overflow, which the second look clears): one pass, no mask.
        if not bool(tokens.sum().isfinite()) and not bool(tokens.isfinite().all()):
            n_bad = int((~tokens.isfinite()).any(dim=1).sum())
            raise InvalidInput(
                f"{n_bad} of {len(tokens)} tokens in batch {number} of epoch {epoch} hold NaN or infinite activations, "
                f"the first at {stream.first_bad()}; extract the activations again, in bfloat16 if they were float16 "
                "(its largest value is 65504)."
            )
        yield tokens


def sample_tokens(stream: TokenStream, n_sampled: int, *, seed: int, batch_tokens: int = 4096) -> Float[Tensor, "m d"]:
    """About ``n_sampled`` tokens spread over the whole stream, or all of them, in an order the seed decides."""
    generator = torch.Generator().manual_seed(seed)
    share = min(1.0, n_sampled / max(stream.n_tokens, 1))
    parts = []
    for batch in checked_batches(stream, batch_tokens, seed=seed, epoch=0):
        wanted = min(len(batch), -int(-len(batch) * share // 1))
        parts.append(batch[torch.randperm(len(batch), generator=generator)[:wanted]])
    return torch.cat(parts)
