"""Several processes that train one dictionary: each takes its rows of every batch, and gradients are added up.

Started by ``torchrun`` there are as many as it says; otherwise there is one, and nothing here costs anything.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the processes that torchrun started, if it did.

    Leaving joins gloo's threads, provided that nothing else holds the group. One that still ran while the interpreter
    ends could ask for it in vain and abort the process. ``torch.distributed.nn`` takes the group that exists when it is
    first imported as default arguments and never lets go, and optimisers import it: so it is imported before.
    """
    if not distributed.is_torchelastic_launched():
        yield
        return
    import torch.distributed.nn

    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()
        gc.collect()  # cycles may hold the group, too


@contextmanager
def first_alone() -> Iterator[None]:
    """The first process does the block while the others wait; then they do it, and find what it made."""
    if _together() and rank() > 0:
        distributed.barrier()
    yield
    if _together() and rank() == 0:
        distributed.barrier()
