"""What the same edit does to concepts drawn at random: an effect means something only beside that.

Two controls, each drawn several times:

* alike: the same edits of other concepts that fire on this photo, each with about the density and the energy of the
  concept that it stands for, both counted on the patches that the edit changes: as much is removed, and it was there;
* elsewhere: exactly the same changes of codes, along the atoms of other concepts whose density and energy in the whole
  collection are about the same: the photo moves as far, in a direction that means something else.

Density is the share of patches with a code above 0. Energy is the sum of squared codes on a photo; in the collection it
is that of the atlas, the squared mean code. About the same: within a factor ``tolerance``. Where fewer concepts than
``few`` match, the nearest by ``max(|log density ratio|, |log energy ratio|)`` fill up, and the control says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from store.edits import Edit, Edits
from worker.effects.editing import Movement, movement, touched
from worker.effects.photo import CodedPhoto

Array = NDArray[np.float64]
_NOTHING = 1e-12  # stands for 0 in logarithms: what is 0 is alike what is 0, and unlike all else


class Control(StrEnum):
    """Which control."""

    ALIKE = "alike"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Plan:
    """How controls are drawn; equal plans draw the same concepts."""

    n_draws: int = 16
    seed: int = 0
    tolerance: float = 2.0
    few: int = 4
    """A concept with fewer matches gets the nearest ones beside them."""


USUAL = Plan()


@dataclass(frozen=True)
class Strength:
    """How often and how strongly concepts fire, by which they are matched."""

    density: Array
    energy: Array

    def distances(self, concept: int) -> Array:
        """``max(|log density ratio|, |log energy ratio|)`` of one concept to all."""
        return np.maximum(*(_log_ratios(values, of=float(values[concept])) for values in (self.density, self.energy)))


@dataclass(frozen=True)
class Draws:
    """The concepts that stand for the edited ones, draw by draw."""

    kind: Control
    concepts: tuple[int, ...]
    """Those that are edited."""
    others: tuple[tuple[int, ...], ...]
    """For each draw, one for each of them."""
    n_matching: tuple[int, ...]
    """How many concepts match each of them within the tolerance."""
    wanted: int

    @property
    def too_few(self) -> tuple[int, ...]:
        """Edited concepts for which too few others match, so that controls were drawn from the nearest."""
        return tuple(k for k, n in zip(self.concepts, self.n_matching, strict=True) if n < self.wanted)


def draw(kind: Control, strength: Strength, concepts: Sequence[int], *, eligible: Array, plan: Plan) -> Draws:
    """Concepts of about the same strength for each of some, never one of them, no two in one draw the same.

    ``eligible`` [K] is above 0 for those that may be drawn. Edited concepts with few matches choose first. With too
    few eligible concepts for all there are no draws.
    """
    allowed = eligible > 0
    allowed[list(concepts)] = False
    pools, n_matching = [], []
    for concept in concepts:
        far = np.where(allowed, strength.distances(concept), np.inf)
        order = np.argsort(far, kind="stable")
        matching = int((far <= np.log(plan.tolerance) + 1e-9).sum())
        n_matching.append(matching)
        pools.append(order[: min(max(matching, plan.few + len(concepts) - 1), int(allowed.sum()))])
    enough = bool(concepts) and int(allowed.sum()) >= len(concepts)
    others = [_one_draw(pools, np.random.default_rng([plan.seed, i])) for i in range(plan.n_draws if enough else 0)]
    return Draws(kind, tuple(concepts), tuple(others), tuple(n_matching), min(plan.few, plan.n_draws))


def _one_draw(pools: list[NDArray[np.int64]], rng: np.random.Generator) -> tuple[int, ...]:
    taken: dict[int, int] = {}
    for place in sorted(range(len(pools)), key=lambda place: len(pools[place])):
        free = [int(k) for k in pools[place] if int(k) not in taken.values()]
        taken[place] = int(rng.choice(free))
    return tuple(taken[place] for place in range(len(pools)))


def strength_in(columns: Mapping[str, NDArray[Any]]) -> Strength:
    """Density and energy of every concept in the collection, from the columns of an atlas (``Atlas.columns``)."""
    return Strength(*(np.asarray(columns[name], dtype=np.float64) for name in ("density", "energy")))


def strength_on(photo: CodedPhoto, edits: Edits) -> Strength:
    """Density and energy of every concept on the patches of a photo that edits change (any of them)."""
    mask = torch.stack([touched(edit.patches, photo.n_patches) for edit in edits.edits]).any(dim=0)
    codes = photo.codes[mask]
    density, energy = np.zeros(photo.n_concepts), np.zeros(photo.n_concepts)
    density[photo.concepts] = (codes > 0).double().mean(dim=0)
    energy[photo.concepts] = codes.square().sum(dim=0)
    return Strength(density, energy)


def alike(photo: CodedPhoto, edits: Edits, plan: Plan) -> tuple[Draws, list[Movement]]:
    """Draws of other concepts that fire on the photo, and the movements of the same edits of them."""
    strength = strength_on(photo, edits)
    draws = draw(Control.ALIKE, strength, edits.concepts, eligible=strength.density, plan=plan)
    moved = [edits.on(dict(zip(edits.concepts, others, strict=True))) for others in draws.others]
    return draws, [movement(photo, other) for other in moved]


def elsewhere(photo: CodedPhoto, edits: Edits, plan: Plan, *, collection: Strength) -> tuple[Draws, list[Movement]]:
    """Draws of concepts alike in the collection, and the same changes of codes along them."""
    draws = draw(Control.ELSEWHERE, collection, edits.concepts, eligible=collection.density, plan=plan)
    moved = movement(photo, edits)
    return draws, [moved.along(photo, others) for others in draws.others]


def ablations(concepts: Sequence[int]) -> Edits:
    """Some concepts removed from all patches."""
    return Edits(edits=tuple(Edit(concept=concept) for concept in concepts))


def _log_ratios(values: Array, *, of: float) -> Array:
    ratio: Array = np.abs(np.log(np.maximum(values, _NOTHING) / max(of, _NOTHING)))
    return ratio
