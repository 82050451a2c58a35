"""Several processes that train one dictionary: each takes its rows of every batch, and gradients are added up.

Started by ``torchrun`` there are as many as it says; otherwise there is one, and nothing here costs anything.
"""

import torch
from jaxtyping import Float
from torch import Tensor, distributed


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def rank() -> int:
    """This process's number, from 0."""
    return distributed.get_rank() if _together() else 0


def size() -> int:
    """Number of processes."""
    return distributed.get_world_size() if _together() else 1


def share(batch: Float[Tensor, "b d"]) -> Float[Tensor, "s d"]:
    """The rows of a batch that this process takes."""
    return batch[rank() :: size()]


@torch.no_grad()
def add_up(*tensors: Tensor) -> None:
    """Each tensor becomes its sum over all processes."""
    if _together():
        for tensor in tensors:
            distributed.all_reduce(tensor)
