"""Group bias adaptation (arXiv 2506.14002): biases move until every concept fires as often as its group should."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class BiasGroups(nn.Module):
    """Targets and measured densities of concepts, and the step of their biases.

    Concept k is in group ``k mod groups``; group g aims at a density that halves from group to group, with mean
    ``n_active / K``. With p the moving density over about ``window`` tokens and t the target::

        b <- b + rate clip((t - p) / t, -1, 1)
    """

    target: Tensor
    density: Tensor

    def __init__(self, n_concepts: int, *, n_active: int, n_groups: int, rate: float, window: int) -> None:
        super().__init__()
        halves = 0.5 ** (torch.arange(n_concepts) % n_groups).double()
        target = (halves / halves.mean() * n_active / n_concepts).clamp_max(0.5).float()
        self.rate, self.window = rate, window
        self.register_buffer("target", target)
        self.register_buffer("density", target.clone())

    @torch.no_grad()
    def adapt(self, bias: Float[Tensor, " K"], counts: Int[Tensor, " K"], *, n_tokens: int) -> None:
        """Take in a batch's counts and move the biases, in place."""
        self.density.lerp_(counts / n_tokens, min(n_tokens / self.window, 1.0))
        bias.add_(((self.target - self.density) / self.target).clamp_(-1, 1), alpha=self.rate)
