"""Whether a universal dictionary has the concepts that each model has by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from worker.metrics.matching import match
from worker.metrics.similarities import Cosines
from worker.universal.dictionary import UniversalDictionary
from worker.universal.references import Alone
from worker.universal.stream import stream_dictionary

SAME_ABOVE = 0.5


@dataclass(frozen=True)
class Consistency:
    """Shares in [0, 1], one for each stream; ``permuted`` is their null."""

    shares: tuple[float, ...]
    permuted: tuple[float, ...]


@torch.no_grad()
def consistency(universal: UniversalDictionary, alone: Sequence[Alone], *, seed: int = 0) -> Consistency:
    """Share of the concepts of a stream's own dictionary that the universal one has, too.

    The atoms ``D_i`` of stream i and those of the dictionary that was trained on it alone are matched one to one for
    the largest sum of cosines; a concept is found again where the cosine is above 0.5 (arXiv 2502.03714). Null: the
    coordinates of the stream's atoms in another order, one for all atoms, which keeps their geometry.
    """
    generator = torch.Generator().manual_seed(seed)
    shares, permuted = [], []
    for stream, own in enumerate(alone):
        atoms = stream_dictionary(universal, stream).atoms.cpu()
        theirs = own.dictionary.atoms.cpu()
        order = torch.randperm(atoms.shape[1], generator=generator)
        shares.append(found_again(theirs, atoms))
        permuted.append(found_again(theirs, atoms[:, order]))
    return Consistency(tuple(shares), tuple(permuted))


def found_again(wanted: Float[Tensor, "K d"], atoms: Float[Tensor, "J d"]) -> float:
    """Share of the unit vectors ``wanted`` whose partner of a one-to-one matching has a cosine above 0.5."""
    found = match(Cosines.of(wanted, atoms))
    return float((found.similarities > SAME_ABOVE).sum()) / len(wanted)
