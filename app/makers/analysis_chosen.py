"""The chosen concept of a visitor's photo, and what the encoder finds when it is taken away."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.makers.analysis_asking import AnalysisAsked
from app.makers.analysis_effects import N_TERMS, by_size, called
from app.makers.analysis_signed import in_words, make_signed
from app.makers.concepts import make_chip
from app.render import n3
from app.site import Opened
from app.views.base import Choice
from app.views.chosen import ChosenView, LostTerm, OcclusionView, SignedMap
from store.analyses.result import Codes, Explained
from store.edits import MAX_EDITS, Edit, Edits, Operation
from store.encoding.effects import DictionaryEffects

_MAPS: Final = (
    ("codes", "Where it fires", "Its code on every patch"),
    ("contribution", "What it adds", "What each patch of it adds to the score of the predicted class"),
    ("occlusion", "What is lost without it", "Takes the concept away and lets the network run on: the ground truth"),
)
Address = Callable[..., str]
"""The page with something else."""


@dataclass(frozen=True)
class ChosenScene:
    """One concept of one dictionary on a photo."""

    opened: Opened
    told: Explained
    codes: Codes
    asked: AnalysisAsked
    concept: int
    address: Address

    @property
    def place(self) -> int | None:
        """Its place among the active concepts; None where it is silent."""
        found = np.flatnonzero(self.codes.concepts == self.concept)
        return int(found[0]) if len(found) else None

    @property
    def contribution(self) -> float | None:
        """To the score; None where there are no effects."""
        if not len(self.codes.contribution):
            return None
        return 0.0 if self.place is None else float(self.codes.contribution[self.place])

    def view(self, occlusion: OcclusionView | None) -> ChosenView:
        """All that is said of it."""
        codes, place, facts = self.codes, self.place, self.told.effects
        missing, peak = facts.missing, 0.0 if place is None else float(codes.peak[place])
        hold = self._edit(Operation.CLAMP, float(f"{peak:.3g}"))
        return ChosenView(
            concept=make_chip(self.opened, self.concept),
            pooled=0.0 if place is None else float(codes.pooled[place]),
            peak=peak,
            percentile=None if place is None else float(codes.percentile[place]),
            contribution=self.contribution,
            occlusion=occlusion,
            maps=self._maps(),
            contributions=self._contributions(),
            missing=missing,
            target="" if facts.target is None else facts.target.name,
            method=facts.method,
            remove_url="" if missing else self._edited(self._edit(Operation.ABLATE, None)),
            hold_url="" if missing else self._edited(hold),
            hold_text=hold.text,
            clear_url=self.address(concept=None, map="", patch=None),
        )

    def _contributions(self) -> SignedMap | None:
        if not self.codes.has_parts:
            return None
        return contribution_map(self.opened, self.told, self.codes, concept=self.concept)

    def _maps(self) -> tuple[Choice, ...]:
        shown = self.asked.shown
        known = [one for one in _MAPS if one[0] == "codes" or not self.told.effects.missing]
        return tuple(
            Choice(
                key=key,
                label=label,
                title=title,
                url=self.address(map="" if key == "codes" else key),
                current=key == shown,
            )
            for key, label, title in known
            if key != "contribution" or self.codes.has_parts
        )

    def _edit(self, operation: Operation, amount: float | None) -> Edit:
        row_major = self.asked.patch and self.asked.patch[0] * self.told.facts.grid_cols + self.asked.patch[1]
        here = None if row_major is None else (row_major,)
        return Edit(concept=self.concept, operation=operation, amount=amount, patches=self.asked.painted or here)

    def _edited(self, edit: Edit) -> str:
        others = tuple(one for one in self.asked.edits.edits if one.concept != self.concept)[: MAX_EDITS - 1]
        return self.address(edits=Edits(edits=(*others, edit))) + "#edit"


def contribution_map(opened: Opened, told: Explained, codes: Codes, *, concept: int | None) -> SignedMap:
    """Where a concept, or all of them, adds to the score of the predicted class."""
    values = codes.part_of(concept)
    what = "All concepts together" if concept is None else called(opened, concept)
    target = told.effects.target.name.split(",")[0] if told.effects.target else ""
    says = in_words(values, what=f"{what}, for {target}")
    return make_signed(values, rows=told.facts.grid_rows, concept=concept, says=says)


def occluded_of(codes: Codes, *, concept: int) -> tuple[int, ...]:
    """The concepts to take away: the chosen one, and those with the largest contributions beside it."""
    largest = [int(codes.concepts[i]) for i in by_size(codes)[:N_TERMS]] if len(codes.contribution) else []
    return (concept, *(k for k in largest if k != concept))


def make_occlusion(scene: ChosenScene, found: DictionaryEffects | None, *, fault: str = "") -> OcclusionView:
    """What is lost, where the encoder told it."""
    target = scene.told.effects.target
    view = OcclusionView(
        concept=scene.concept,
        target="" if target is None else target.name,
        method=scene.told.effects.method,
        contribution=scene.contribution,
        lost=None,
        map=None,
        fault=fault,
    )
    if found is None or not len(found.lost):
        return view.model_copy(update={"fault": fault or (found.facts.missing if found else "")})
    told = {
        "lost": float(found.lost[0]),
        "map": _lost_map(scene, found),
        "no_map": found.facts.no_map,
        "terms": _terms(scene, found),
    }
    return view.model_copy(update=told)


def _lost_map(scene: ChosenScene, found: DictionaryEffects) -> SignedMap | None:
    values = found.lost_map.ravel()
    if not values.size:
        return None
    most = float(values[np.abs(values).argmax()])
    says = f"{called(scene.opened, scene.concept)}, taken from one patch at a time: {n3(most)} logits lost at the most"
    return make_signed(values, rows=len(found.lost_map), concept=scene.concept, says=says)


def _terms(scene: ChosenScene, found: DictionaryEffects) -> tuple[LostTerm, ...]:
    added: dict[int, Any] = dict(zip(scene.codes.concepts.tolist(), scene.codes.contribution.tolist(), strict=False))
    pairs = [
        (k, float(added.get(k, 0.0)), float(lost)) for k, lost in zip(found.facts.occluded, found.lost, strict=True)
    ]
    longest = max([max(abs(a), abs(b)) for _, a, b in pairs]) or 1.0
    return tuple(
        LostTerm(
            concept=k,
            name=called(scene.opened, k),
            contribution=a,
            lost=b,
            show_url=scene.address(concept=k),
            bars=(a / longest, b / longest),
        )
        for k, a, b in pairs
    )
