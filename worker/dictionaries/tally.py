"""What alternating dictionaries gather during an epoch: sums, and tokens to restart lost concepts from."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

_KEPT_TOKENS = 1024  # at most so many concepts start again after one epoch; the others wait for the next


class Tally(nn.Module):
    """Float64 buffers that are filled during an epoch and hold nothing between epochs.

    So a checkpoint within an epoch has them, and a finished dictionary, which may be small beside its ``[K K]`` sums,
    does not.
    """

    def __init__(self, **shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.shapes = shapes
        for name in shapes:
            self.register_buffer(name, torch.zeros(0, dtype=torch.float64))

    def __getitem__(self, name: str) -> Tensor:
        return self.get_buffer(name)

    def open(self) -> None:
        """Make the buffers, all zero, unless they are there."""
        for name, shape in self.shapes.items():
            if not self[name].numel():
                setattr(self, name, self[name].new_zeros(shape))

    def close(self) -> None:
        """Drop what the buffers hold."""
        for name in self.shapes:
            setattr(self, name, self[name].new_zeros(0))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Take the size of what is loaded: everything, or nothing."""
        for name, shape in self.shapes.items():
            stored = state_dict.get(prefix + name)
            if stored is not None and tuple(stored.shape) in (shape, (0,)):
                setattr(self, name, self[name].new_zeros(stored.shape))
        super()._load_from_state_dict(state_dict, prefix, *args)


class BadlyExplained(Tally):
    """Up to 1,024 rows of an epoch, drawn without replacement with probabilities proportional to their weights.

    Each row gets the key ``w / -log(r)`` with ``r`` uniform in (0, 1), and those with the largest keys stay, in the
    order of a draw (Efraimidis and Spirakis 2006). Drawing by squared error, as k-means++ does, spreads the rows over
    what is not explained; the largest errors alone would be a few outliers many times over. ``r`` comes from the seed
    and the number of batches seen, which is saved.
    """

    n_batches: Tensor

    def __init__(self, n_concepts: int, width: int, *, seed: int) -> None:
        n_kept = min(n_concepts, _KEPT_TOKENS)
        super().__init__(rows=(n_kept, width), filled=(n_kept,), keys=(n_kept,))
        self.seed = seed
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.int64))

    def see(self, rows: Float[Tensor, "n d"], weights: Float[Tensor, " n"]) -> None:
        """Offer the rows of a batch; those of weight 0 are never drawn."""
        self.open()
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + int(self.n_batches))
        self.n_batches.add_(1)
        noise = torch.rand(len(rows), generator=generator, dtype=torch.float64).to(rows.device)
        keys = weights / -noise.log()
        chosen = keys > self["keys"].min()
        all_keys = torch.cat([self["keys"], keys[chosen]])
        kept = all_keys.topk(len(self["keys"])).indices
        self["rows"].copy_(torch.cat([self["rows"], rows[chosen].double()])[kept])
        self["keys"].copy_(all_keys[kept])
        self["filled"].copy_(self["keys"] > 0)

    def drawn(self) -> Float[Tensor, "m d"]:
        """The rows, in the order they were drawn. Of several processes: the means of their first, second, ... rows."""
        self.open()
        there = self["filled"] > 0
        return self["rows"][there] / self["filled"][there, None]

    def sums(self) -> tuple[Tensor, ...]:
        """What several processes add up before ``drawn``."""
        self.open()
        return self["rows"], self["filled"]
