"""Edits of a photo's codes: scale, ablate or clamp concepts, on all patches or some, in a text that a link can carry.

``12_ablate~7_scale_0.5_0-3.17`` removes concept 12 from every patch and halves concept 7 on patches 0, 1, 2, 3 and 17,
counted row by row from 0. The text has only characters that addresses leave as they are; equal edits have equal texts.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, ValidationError, field_validator, model_validator

from store.errors import InvalidInput
from store.specs import Spec

BETWEEN_EDITS, BETWEEN_PARTS, BETWEEN_PATCHES = "~", "_", "."
MAX_EDITS, MAX_PATCHES = 64, 65_536
MAX_FACTOR, MAX_CODE = 100.0, 1e6
GRAMMAR = (
    "concept_ablate, concept_scale_factor or concept_clamp_code, each with _patches after it where only some change"
)
PATTERN = r"^([0-9]{1,9}_(ablate|scale_[0-9]{1,2}(\.[0-9]{1,6})?|clamp_[0-9]{1,6}(\.[0-9]{1,6})?)(_[0-9]{1,4})?)?$"
"""Of one edit, for descriptions: what matches can be read; more can, such as runs and exponents."""
EXAMPLE = "12_ablate~7_scale_0.5_0-3.17"


class Operation(StrEnum):
    """What happens to a concept's code z at a patch."""

    SCALE = "scale"  # z becomes amount * z; below 0 the photo goes the other way along the atom
    ABLATE = "ablate"  # z becomes 0
    CLAMP = "clamp"  # z becomes amount, also where the concept was silent


LIMITS: Final = {Operation.SCALE: (-MAX_FACTOR, MAX_FACTOR), Operation.CLAMP: (0.0, MAX_CODE)}
"""Least and most of the amounts."""


class BadEdit(InvalidInput):
    """An edit that cannot be read or made."""


class Edit(Spec):
    """One concept's codes changed. ``patches`` are row-major places on the grid; None means all of them.

    The amount is a factor for ``scale`` (scaling to 0 is an ablation and is written so), a code in the unit of the
    activations for ``clamp``, and None for ``ablate``.
    """

    concept: int = Field(ge=0)
    operation: Operation = Operation.ABLATE
    amount: float | None = None
    patches: Annotated[tuple[int, ...], Field(json_schema_extra={"minItems": 1})] | None = None

    @field_validator("patches")
    @classmethod
    def _in_order(cls, patches: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if patches is None:
            return None
        if not patches:
            raise ValueError("it names no patch; leave the patches out to change all of them")
        if min(patches) < 0 or max(patches) >= MAX_PATCHES:
            raise ValueError(f"patches are numbered from 0 to at most {MAX_PATCHES - 1}")
        return tuple(sorted(set(patches)))

    @model_validator(mode="before")
    @classmethod
    def _nothing_left(cls, values: object) -> object:
        """Scaling to 0 is an ablation."""
        if isinstance(values, Mapping) and values.get("operation") == Operation.SCALE and values.get("amount") == 0:
            return {**values, "operation": Operation.ABLATE, "amount": None}
        return values

    @model_validator(mode="after")
    def _amount_fits(self) -> "Edit":
        if self.operation is Operation.ABLATE:
            if self.amount is not None:
                raise ValueError(f"ablate takes no amount, not {_number(self.amount)}")
            return self
        least, most = LIMITS[self.operation]
        if self.amount is None or not math.isfinite(self.amount) or not least <= self.amount <= most:
            given = "none" if self.amount is None else str(self.amount)
            raise ValueError(f"{self.operation} takes an amount from {_number(least)} to {_number(most)}, not {given}")
        return self

    @property
    def changes_nothing(self) -> bool:
        """Whether codes stay as they are, whatever they are."""
        return self.operation is Operation.SCALE and self.amount == 1

    @property
    def text(self) -> str:
        """As a link carries it."""
        parts = [str(self.concept), self.operation.value]
        if self.amount is not None:
            parts.append(_number(self.amount))
        if self.patches is not None:
            parts.append(BETWEEN_PATCHES.join(_runs(self.patches)))
        return BETWEEN_PARTS.join(parts)


class Edits(Spec):
    """Edits that happen at once, in the order of their concepts; no patch of a concept is changed twice."""

    edits: tuple[Edit, ...] = Field((), max_length=MAX_EDITS)

    @field_validator("edits")
    @classmethod
    def _apart(cls, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
        taken: dict[int, list[Edit]] = defaultdict(list)
        for edit in edits:
            if any(_meet(edit, other) for other in taken[edit.concept]):
                raise ValueError(f"concept {edit.concept} is changed twice on the same patch; keep one of the edits")
            taken[edit.concept].append(edit)
        return tuple(sorted(_merged(edits), key=lambda edit: (edit.concept, edit.patches or ())))

    @property
    def concepts(self) -> tuple[int, ...]:
        """The concepts that are changed, each once."""
        return tuple(sorted({edit.concept for edit in self.edits}))

    @property
    def text(self) -> str:
        """As a link carries them; empty for none."""
        return BETWEEN_EDITS.join(edit.text for edit in self.edits)

    def check(self, *, n_concepts: int, n_patches: int) -> None:
        """Raises ``BadEdit`` for a concept or a patch that the dictionary or the grid does not have."""
        for edit in self.edits:
            if edit.concept >= n_concepts:
                raise BadEdit(
                    f"Edit '{edit.text}': there is no concept {edit.concept}; this dictionary has the concepts 0 to "
                    f"{n_concepts - 1}."
                )
            if edit.patches is not None and edit.patches[-1] >= n_patches:
                raise BadEdit(
                    f"Edit '{edit.text}': there is no patch {edit.patches[-1]}; this photo has the patches 0 to "
                    f"{n_patches - 1}."
                )

    def on(self, others: Mapping[int, int]) -> "Edits":
        """The same edits of other concepts."""
        return Edits(edits=tuple(edit.model_copy(update={"concept": others[edit.concept]}) for edit in self.edits))


def make_edits(edits: Iterable[Edit | Mapping[str, object]]) -> Edits:
    """Edits from values of any source; raises ``BadEdit`` that says what is wrong with the first bad one."""
    made = [_made(edit, shown=edit.text if isinstance(edit, Edit) else str(dict(edit))) for edit in edits]
    return _together(made)


def parse_edits(text: str) -> Edits:
    """Read what ``Edits.text`` writes; an empty text is no edit. Raises ``BadEdit`` naming the part and the remedy."""
    parts = text.split(BETWEEN_EDITS) if text else []
    return _together([_parsed(part) for part in parts])


def parse_patches(text: str) -> tuple[int, ...]:
    """Patches as edits write them, ``0-3.17``; empty for none. Raises ``BadEdit``."""
    return tuple(sorted(set(_patches(text, text)))) if text else ()


def write_patches(patches: Iterable[int]) -> str:
    """What ``parse_patches`` reads."""
    return BETWEEN_PATCHES.join(_runs(tuple(sorted(set(patches)))))


def _together(edits: list[Edit]) -> Edits:
    if len(edits) > MAX_EDITS:
        raise BadEdit(f"There are {len(edits)} edits, but at most {MAX_EDITS} happen at once; leave some out.")
    try:
        return Edits(edits=tuple(edits))
    except ValidationError as fault:
        raise BadEdit(f"The edits cannot be made together: {_reason(fault)}.") from fault


def _made(edit: Edit | Mapping[str, object], *, shown: str) -> Edit:
    try:
        return Edit.model_validate(edit)
    except ValidationError as fault:
        raise BadEdit(f"Edit '{shown}' cannot be made: {_reason(fault)}.") from fault


def _parsed(text: str) -> Edit:
    concept, *rest = text.split(BETWEEN_PARTS)
    operation = rest.pop(0) if rest else ""
    if not re.fullmatch(r"[0-9]{1,9}", concept) or operation not in tuple(Operation):
        raise _unreadable(text)
    values: dict[str, object] = {"concept": int(concept), "operation": Operation(operation)}
    if operation != Operation.ABLATE:
        values["amount"] = _amount(rest.pop(0) if rest else "", text)
    if rest:
        values["patches"] = _patches(rest.pop(0), text)
    if rest:
        raise _unreadable(text)
    return _made(values, shown=text)


def _amount(word: str, text: str) -> float:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]{1,3})?", word):
        raise _unreadable(text)
    return float(word)


def _patches(word: str, text: str) -> tuple[int, ...]:
    patches: list[int] = []
    for part in word.split(BETWEEN_PATCHES):
        found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", part)
        if found is None:
            raise _unreadable(text)
        first, last = int(found[1]), int(found[2] or found[1])
        if first > last or last >= MAX_PATCHES:
            raise BadEdit(
                f"Edit '{text}' cannot be made: '{part}' is no run of patches; write the smaller number first, and "
                f"none above {MAX_PATCHES - 1}."
            )
        patches += range(first, last + 1)
    return tuple(patches)


def _unreadable(text: str) -> BadEdit:
    return BadEdit(f"Edit '{text}' cannot be read: write {GRAMMAR}, for example {EXAMPLE}.")


def _reason(fault: ValidationError) -> str:
    """What the first fault says, in one line."""
    first = fault.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    said = str(first["msg"]).removeprefix("Value error, ")
    return said if first["type"] == "value_error" else f"{field}: {said}"


def _meet(one: Edit, other: Edit) -> bool:
    return one.patches is None or other.patches is None or not set(one.patches).isdisjoint(other.patches)


def _merged(edits: tuple[Edit, ...]) -> list[Edit]:
    """Those that do the same to one concept on different patches become one."""
    alike: dict[tuple[int, Operation, float | None], list[Edit]] = defaultdict(list)
    for edit in edits:
        alike[edit.concept, edit.operation, edit.amount].append(edit)
    return [
        same[0] if len(same) == 1 else same[0].model_copy(update={"patches": _union(same)}) for same in alike.values()
    ]


def _union(edits: list[Edit]) -> tuple[int, ...]:
    return tuple(sorted(patch for edit in edits for patch in edit.patches or ()))


def _number(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(value) + 0.0).removesuffix(".0").replace("e+", "e")


def _runs(patches: tuple[int, ...]) -> list[str]:
    """Ascending numbers as runs: 0, 1, 2, 5 becomes 0-2, 5."""
    runs: list[list[int]] = []
    for patch in patches:
        if runs and patch == runs[-1][1] + 1:
            runs[-1][1] = patch
        else:
            runs.append([patch, patch])
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]
