"""What concepts do to the prediction, and what edits do: the encoder's numbers in the words of the page."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from app.makers.classes import class_pages
from app.makers.concepts import concept_name, make_chip
from app.site import Opened
from app.views.analyses import ClassRow, ControlRow, EditKnob, EditView, EffectsView, Term
from store.analyses.result import Codes
from store.edits import Edit, Edits, Operation
from store.encoding.contract import ClassScore
from store.encoding.effects import DictionaryEffects, EditFacts, EffectFacts

N_TERMS: Final = 8
_LABELS: Final = {
    "alike": "the same edit of other concepts here, as frequent and as strong",
    "elsewhere": "the same change along concepts as frequent and as strong in the collection",
}
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


def _terms(opened: Opened, facts: EffectFacts, codes: Codes, *, address: Callable[[int], str]) -> tuple[Term, ...]:
    """Bias, the largest concepts, all others, residual, gap, and what they come to, each where the last one ended."""
    order = np.lexsort((codes.concepts, -np.abs(codes.contribution)))
    largest, others = order[:N_TERMS], order[N_TERMS:]
    steps: list[tuple[str, str, int | None, float]] = [("bias", "Without any concept", None, facts.bias or 0.0)]
    for i in largest:
        k = int(codes.concepts[i])
        name = concept_name(opened, k)
        called = name if name == f"#{k}" else f"{name} #{k}"
        steps.append(("concept", called, k, float(codes.contribution[i])))
    if len(others):
        steps.append(("others", f"{len(others)} other concepts", None, float(codes.contribution[others].sum())))
    steps.append(("residual", "What the dictionary misses", None, facts.residual or 0.0))
    if facts.method != "exact":
        steps.append(("gap", "What is not linear", None, facts.gap or 0.0))
    found, at = [], 0.0
    for kind, label, concept, value in steps:
        url = "" if concept is None else address(concept)
        found.append(Term(kind=kind, label=label, concept=concept, value=value, start=at, url=url))
        at += value
    return (*found, Term(kind="score", label="Score", value=facts.score or 0.0, start=0.0))


def make_edit(
    opened: Opened, edits: Edits, found: DictionaryEffects | None, *, address: Callable[[Edits], str], fault: str = ""
) -> EditView:
    """Edits, and what they do where that is known."""
    facts = found.facts if found is not None else None
    edit = facts.edit if facts is not None else None
    knobs = tuple(_knob(opened, one, edits, address=address) for one in edits.edits)
    if edit is None or facts is None or facts.target is None or found is None:
        why = fault or (facts.missing if facts is not None else "")
        return EditView(
            text=edits.text,
            knobs=knobs,
            size=None,
            target="",
            before=None,
            after=None,
            classes=(),
            top_before="",
            top_after="",
            controls=(),
            fault=why,
        )
    place = [one.index for one in edit.before].index(facts.target.index)
    return EditView(
        text=edits.text,
        knobs=knobs,
        size=edit.size,
        target=facts.target.name,
        before=edit.before[place].probability,
        after=edit.after[place].probability,
        classes=_edited(edit, found.controls),
        top_before=_name_of(edit, edit.top_before),
        top_after=_name_of(edit, edit.top_after),
        controls=_controls(edit, found.controls, place=place),
    )


def _knob(opened: Opened, one: Edit, edits: Edits, *, address: Callable[[Edits], str]) -> EditKnob:
    rest = Edits(edits=tuple(other for other in edits.edits if other != one))
    factor = {Operation.ABLATE: 0.0, Operation.SCALE: one.amount or 0.0, Operation.CLAMP: 1.0}[one.operation]
    return EditKnob(
        concept=make_chip(opened, one.concept),
        operation=one.operation.value,
        amount=one.amount,
        factor=factor,
        patches=None if one.patches is None else len(one.patches),
        text=one.text,
        remove_url=address(rest),
    )


def _edited(edit: EditFacts, controls: Sequence[Array]) -> tuple[ClassRow, ...]:
    """Before and after, with the range of the first control that has draws."""
    drawn = next((one for one in controls if len(one)), None)
    rows = []
    for place, (before, after) in enumerate(zip(edit.before, edit.after, strict=True)):
        spread = None if drawn is None else (float(drawn[:, place].min()), float(drawn[:, place].max()))
        rows.append(
            ClassRow(
                index=before.index,
                name=before.name,
                probability=before.probability,
                other=after.probability,
                spread=spread,
            )
        )
    return tuple(rows)


def _controls(edit: EditFacts, controls: Sequence[Array], *, place: int) -> tuple[ControlRow, ...]:
    before = edit.before[place].probability
    found = []
    for facts, drawn in zip(edit.controls, controls, strict=True):
        changes = drawn[:, place] - before if len(drawn) else None
        found.append(
            ControlRow(
                kind=facts.kind,
                label=_LABELS.get(facts.kind, facts.kind),
                n_draws=facts.n_draws,
                too_few=facts.too_few,
                size=facts.size,
                change=None if changes is None else float(changes.mean()),
                least=None if changes is None else float(changes.min()),
                most=None if changes is None else float(changes.max()),
            )
        )
    return tuple(found)


def _name_of(edit: EditFacts, index: int) -> str:
    return next((one.name for one in edit.before if one.index == index), str(index))
