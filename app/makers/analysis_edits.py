"""Edits and what they do: the encoder's numbers in the words of the page, and the knobs that make them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.makers.concepts import make_chip
from app.render import n3
from app.site import Opened
from app.views.analyses import ClassRow, ControlRow, EditKnob, EditView, Tick
from store.analyses.result import Codes
from store.edits import Edit, Edits, Operation
from store.encoding.effects import DictionaryEffects, EditFacts

FACTORS: Final = (-2.0, 4.0)
"""The ends of the slider; the field beside it takes all that edits may."""
_QUANTILES: Final = (("q50", "half"), ("q75", "three of four"), ("q95", "95 %"), ("q99", "99 %"))
_LABELS: Final = {
    "alike": "the same edit of other concepts here, as frequent and as strong",
    "elsewhere": "the same change along concepts as frequent and as strong in the collection",
}
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class EditScene:
    """Edits of a photo in one dictionary, and where the page with others is."""

    opened: Opened
    edits: Edits
    codes: Codes
    address: Callable[[Edits], str]
    stream: int = 0


def make_edit(scene: EditScene, found: DictionaryEffects | None, *, fault: str = "") -> EditView:
    """Edits, and what they do where that is known."""
    edits = scene.edits
    facts = found.facts if found is not None else None
    edit = facts.edit if facts is not None else None
    knobs = tuple(_knob(scene, one) for one in edits.edits)
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


def _knob(scene: EditScene, one: Edit) -> EditKnob:
    rest = Edits(edits=tuple(other for other in scene.edits.edits if other != one))
    peak = float(scene.codes.map_of(one.concept).max(initial=0))
    is_held = one.operation is Operation.CLAMP
    code = one.amount if is_held and one.amount is not None else float(f"{peak:.3g}")
    ticks = _ticks(scene, one.concept)
    return EditKnob(
        concept=make_chip(scene.opened, one.concept),
        operation=one.operation.value,
        amount=one.amount,
        how="clamp" if is_held else "scale",
        factor={Operation.ABLATE: 0.0, Operation.CLAMP: 1.0}.get(one.operation, one.amount or 0.0),
        code=code,
        most=max([code, peak, *(tick.value for tick in ticks)]) or 1.0,
        ticks=ticks,
        help=_help(ticks, peak=peak),
        patches=None if one.patches is None else len(one.patches),
        text=one.text,
        remove_url=scene.address(rest),
    )


def _ticks(scene: EditScene, concept: int) -> tuple[Tick, ...]:
    """How strong the concept's peaks are on the images of the collection on which it fires; the largest is last."""
    row = scene.opened.atlas.concept(concept)
    if scene.stream:  # quantiles are those of all models together
        row = {"max": scene.opened.atlas.stream_columns(scene.stream)["max"][concept]}
    known = [(words, row[name]) for name, words in (*_QUANTILES, ("max", "all")) if row.get(name) is not None]
    return tuple(Tick(value=float(value), label=words) for words, value in known)


def _help(ticks: Sequence[Tick], *, peak: float) -> str:
    """What a code means: where the collection's peaks are, and this photo's."""
    here = f"Its peak here is {n3(peak)}." if peak else "It is silent here."
    if not ticks:
        return f"{here} It fires on no image of the collection."
    said = [*(f"{tick.label} below {n3(tick.value)}" for tick in ticks[:-1]), f"{n3(ticks[-1].value)} at the most"]
    return f"{here} Peaks in the collection: {', '.join(said)}."


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
