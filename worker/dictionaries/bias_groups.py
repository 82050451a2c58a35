"""Group bias adaptation (arXiv 2506.14002): biases move until every concept fires as often as its group should."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

_LARGEST_STEP = 2.0  # factor between the targets of neighbouring groups
_LARGEST_SPAN = 64.0  # factor between those of the first and the last
_LARGEST_TARGET = 0.5
_LAST_SHARE = 0.2  # of a run, over which the steps get smaller


class BiasGroups(nn.Module):
    """Targets and measured densities of concepts, and the step of their biases.

    Concept k is in group ``k mod groups``. Targets fall from group to group by a factor 2, by less where the last
    would be under 1/64 of the first; their mean is ``n_active / K``, but none is above 0.5. With p the moving density,
    t the target and ``rate`` in unit of standardised codes::

        p <- p + min(4 rate, 1) (density in the batch - p)        b <- b + rate clip((t - p) / t, -1, 1)

    The density must follow faster than the bias moves, or both swing: for pre-codes with a spread of about 1 they do
    up to a factor of 4. Over the last fifth of a run ``rate`` falls to 0, as the learning rate does, so that biases
    end between their last swings.
    """

    target: Tensor
    density: Tensor

    def __init__(self, n_concepts: int, *, n_active: int, n_groups: int, rate: float) -> None:
        super().__init__()
        factor = min(_LARGEST_STEP, _LARGEST_SPAN ** (1 / max(n_groups - 1, 1)))
        share = factor ** -(torch.arange(n_concepts) % n_groups).double()
        target = (share / share.mean() * n_active / n_concepts).clamp_max(_LARGEST_TARGET).float()
        self.rate = rate
        self.register_buffer("target", target)
        self.register_buffer("density", target.clone())

    @torch.no_grad()
    def adapt(self, bias: Float[Tensor, " K"], counts: Int[Tensor, " K"], *, n_tokens: int, done: float) -> None:
        """Take in a batch's counts and move the biases, in place; ``done`` is the share of the run that is over."""
        self.density.lerp_(counts / n_tokens, min(4 * self.rate, 1.0))
        step = self.rate * min((1 - done) / _LAST_SHARE, 1.0)
        bias.add_(((self.target - self.density) / self.target).clamp_(-1, 1), alpha=step)
