"""Whether two trainings found the same concepts."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from store.errors import InvalidInput
from worker.dictionaries.base import Dictionary
from worker.metrics.density import Usage
from worker.metrics.matching import EXACT_LIMIT, Matching, match
from worker.metrics.nulls import random_atoms
from worker.metrics.similarities import Cosines

MATCHED_ABOVE = 0.9
_SUBSPACE_SHARE = 4  # the subspace has a quarter of the dimensions


@dataclass(frozen=True)
class AliveAtoms:
    """The atoms of concepts that fire, with the mean activation and their mean codes where they fire."""

    atoms: Float[Tensor, "K d"]
    mean: Float[Tensor, " d"]
    strengths: Float64[Tensor, " K"]

    @classmethod
    def of(cls, dictionary: Dictionary, usage: Usage) -> "AliveAtoms":
        """Raises ``InvalidInput`` when no concept fires."""
        alive = usage.alive
        if not bool(alive.any()):
            raise InvalidInput("The dictionary has no concept that fires, so its stability cannot be measured.")
        return cls(dictionary.atoms.cpu()[alive], dictionary.mean.cpu(), usage.mean_active[alive])

    @property
    def uncentred(self) -> Float[Tensor, "K d"]:
        """``mean + strength_k d_k``: the activation that a concept alone makes at its usual strength."""
        return self.mean + self.strengths[:, None].float() * self.atoms

    def with_atoms(self, atoms: Float[Tensor, "K d"]) -> "AliveAtoms":
        """Other atoms in the place of these."""
        return AliveAtoms(atoms, self.mean, self.strengths)


def stability(
    first: Dictionary,
    second: Dictionary,
    *,
    usage: tuple[Usage, Usage],
    seed: int = 0,
    exact_limit: int = EXACT_LIMIT,
) -> dict[str, float]:
    """How alike the concepts of two dictionaries of one layer are; each key is defined in ``store/metrics``.

    ``usage`` says of each dictionary how its concepts fire on the same held-out tokens: concepts that never do are left
    out. Matched are atoms as they are, in centred space; a sign is never flipped, since codes are not negative and an
    atom's opposite is another concept. Unmatched atoms of the larger dictionary count as similarity 0. Nulls: as many
    atoms in random directions, and the second's atoms with their coordinates in another order (one for all atoms),
    which keeps their geometry. Raises ``InvalidInput`` for different widths, or when no concept fires.
    """
    if first.width != second.width:
        raise InvalidInput(
            f"Dictionaries of widths {first.width} and {second.width} have no common space; compare those of one layer."
        )
    ours, theirs = AliveAtoms.of(first, usage[0]), AliveAtoms.of(second, usage[1])
    generator = torch.Generator().manual_seed(seed)
    shuffled = theirs.with_atoms(theirs.atoms[:, torch.randperm(second.width, generator=generator)])
    drawn = theirs.with_atoms(random_atoms(len(theirs.atoms), second.width, seed=seed))
    found, null = (_compare(ours, other, exact_limit=exact_limit) for other in (theirs, drawn))
    permuted = match(Cosines.of(ours.atoms, shuffled.atoms), exact_limit=exact_limit)
    return {
        **found,
        **{f"{key}_random_atoms": value for key, value in null.items() if key != "matching_gap"},
        "stability_permuted": _mean(permuted, ours, shuffled),
    }


def subspace_overlap(first: Float[Tensor, "K d"], second: Float[Tensor, "J d"], *, n_directions: int) -> float:
    """Mean squared cosine of the principal angles between the spans of the strongest right singular directions.

    ``|V_1 V_2^T|_F^2 / r`` with orthonormal ``V [r d]``, in [0, 1]; about ``r / d`` for random subspaces.
    """
    spans = (_strongest(atoms, n_directions) for atoms in (first, second))
    ours, theirs = spans
    return float((ours @ theirs.t()).square().sum() / n_directions)


def _compare(ours: AliveAtoms, theirs: AliveAtoms, *, exact_limit: int) -> dict[str, float]:
    matched, uncentred, absolute = (
        match(Cosines.of(a, b, absolute=absolute), exact_limit=exact_limit)
        for a, b, absolute in (
            (ours.atoms, theirs.atoms, False),
            (ours.uncentred, theirs.uncentred, False),
            (ours.atoms, theirs.atoms, True),
        )
    )
    n_atoms = max(len(ours.atoms), len(theirs.atoms))
    n_directions = max(1, min(ours.atoms.shape[1] // _SUBSPACE_SHARE, len(ours.atoms), len(theirs.atoms)))
    return {
        "stability": _mean(matched, ours, theirs),
        "stability_uncentred": _mean(uncentred, ours, theirs),
        "pw_mcc": _mean(absolute, ours, theirs),
        "matched_share": float((matched.similarities > MATCHED_ABOVE).sum()) / n_atoms,
        "subspace_overlap": subspace_overlap(ours.atoms, theirs.atoms, n_directions=n_directions),
        "matching_gap": matched.gap / n_atoms,
    }


def _mean(matching: Matching, ours: AliveAtoms, theirs: AliveAtoms) -> float:
    return matching.total / max(len(ours.atoms), len(theirs.atoms))


def _strongest(atoms: Float[Tensor, "K d"], n_directions: int) -> Float64[Tensor, "r d"]:
    rows = atoms.double()
    directions: Tensor = torch.linalg.eigh(rows.t() @ rows).eigenvectors
    return directions[:, -n_directions:].t()
