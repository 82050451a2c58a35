"""What concepts do to the prediction: the encoder's numbers in the words of the page."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from app.makers.classes import class_pages
from app.makers.concepts import concept_name
from app.site import Opened
from app.views.analyses import ClassRow, EffectsView, Term
from store.analyses.result import Codes
from store.encoding.contract import ClassScore
from store.encoding.effects import EffectFacts

N_TERMS: Final = 8
_NOTHING: Final = 1e-5
"""Logits that are the rounding of sums."""
Array = np.ndarray[Any, Any]


def class_rows(opened: Opened, scores: Sequence[ClassScore], others: Sequence[ClassScore] = ()) -> tuple[ClassRow, ...]:
    """Classes with their probabilities and pages, and others of the same classes beside."""
    beside, pages = {one.index: one.probability for one in others}, class_pages(opened)
    return tuple(
        ClassRow(
            index=one.index,
            name=one.name,
            probability=one.probability,
            other=beside.get(one.index),
            url=pages.get(one.index, ""),
        )
        for one in scores
    )


def make_effects(opened: Opened, facts: EffectFacts, codes: Codes, *, address: Callable[[int], str]) -> EffectsView:
    """Effects of one dictionary's concepts on the predicted class."""
    if facts.missing or facts.target is None:
        return EffectsView(missing=facts.missing or "They were not found.")
    return EffectsView(
        missing="",
        target=facts.target.name,
        target_index=facts.target.index,
        method=facts.method,
        score=facts.score,
        bias=facts.bias,
        residual=facts.residual,
        gap=facts.gap,
        terms=_terms(opened, facts, codes, address=address),
        classes=class_rows(opened, facts.original, facts.through),
        same_top=facts.same_top,
        divergence=facts.divergence,
    )


def _rest(facts: EffectFacts, codes: Codes, largest: Array, others: Array) -> float:
    """What all but the largest add. Of a model of several also what fires on its own patches alone."""
    if not facts.stream:
        return float(codes.contribution[others].sum())
    known = (facts.bias or 0.0) + (facts.residual or 0.0) + (facts.gap or 0.0)
    return (facts.score or 0.0) - known - float(codes.contribution[largest].sum())


def by_size(codes: Codes) -> Array:
    """Places of the active concepts, the largest contributions first; ties by concept."""
    return np.lexsort((codes.concepts, -np.abs(codes.contribution)))


def called(opened: Opened, concept: int) -> str:
    """A concept's name, and its number where the name is a label that others may share."""
    name = concept_name(opened, concept)
    return name if name == f"#{concept}" else f"{name} #{concept}"


def _terms(opened: Opened, facts: EffectFacts, codes: Codes, *, address: Callable[[int], str]) -> tuple[Term, ...]:
    """Bias, the largest concepts, all others, residual, gap, and what they come to, each where the last one ended."""
    order = by_size(codes)
    largest, others = order[:N_TERMS], order[N_TERMS:]
    steps: list[tuple[str, str, int | None, float]] = [("bias", "Without any concept", None, facts.bias or 0.0)]
    for i in largest:
        k = int(codes.concepts[i])
        steps.append(("concept", called(opened, k), k, float(codes.contribution[i])))
    rest = _rest(facts, codes, largest, others)
    if len(others) or abs(rest) > _NOTHING:
        label = f"{len(others)} other concepts" if len(others) else "Other concepts, on its own patches"
        steps.append(("others", label, None, rest))
    steps.append(("residual", "What the dictionary misses", None, facts.residual or 0.0))
    if facts.method != "exact":
        steps.append(("gap", "What is not linear", None, facts.gap or 0.0))
    found, at = [], 0.0
    for kind, label, concept, value in steps:
        url = "" if concept is None else address(concept)
        found.append(Term(kind=kind, label=label, concept=concept, value=value, start=at, url=url))
        at += value
    return (*found, Term(kind="score", label="Score", value=facts.score or 0.0, start=0.0))
