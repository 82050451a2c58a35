"""What is asked about the effects of concepts on a prediction, and what the encoder answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32
from pydantic import Field, NonNegativeInt, ValidationError

from store.encoding.contract import ClassScore, Message, PhotoFacts, PhotoRequest
from store.encoding.parcel import Parcel
from store.errors import Damaged

DENSITY, ENERGY = "density", "energy"
"""Arrays beside a request: of every concept in the collection, for the control ``elsewhere``."""
MAX_OCCLUDED = 16


class EffectsRequest(PhotoRequest):
    """``POST /effects``: what concepts do to a class's score on one photo, and what edits do to the prediction."""

    stream: int | None = Field(
        None, ge=0, description="of universal dictionaries, whose prediction: 1, 2, ... are models; all when empty"
    )
    class_index: int | None = Field(None, ge=0, description="class of the score; the most likely one when empty")
    contributions: bool = Field(True, description="whether contributions are wanted")
    edits: str = Field("", max_length=65_536, description="as ``store.edits`` writes them; none when empty")
    occlude: tuple[NonNegativeInt, ...] = Field(
        (), max_length=MAX_OCCLUDED, description="concepts to take away one at a time, each from the whole photo"
    )
    occlude_map: bool = Field(False, description="whether the first of them is also taken from each patch by itself")
    n_classes: int = Field(5, ge=1, le=1000, description="most likely classes to name")


class ControlFacts(Message):
    """One control of edits; the probabilities of its draws stand beside."""

    kind: str
    n_draws: int
    too_few: tuple[int, ...] = Field(description="edited concepts that have too few others alike")
    size: float | None = Field(description="mean of the draws: by how much they move the patches")


class EditFacts(Message):
    """The prediction before and after edits: the same classes in both, those most likely in either."""

    text: str
    size: float = Field(description="root mean square length by which patches were moved")
    before: tuple[ClassScore, ...]
    after: tuple[ClassScore, ...]
    top_before: int
    top_after: int
    controls: tuple[ControlFacts, ...]


class EffectFacts(Message):
    """``score = bias + residual + sum of contributions + gap``, in logits against the mean of all classes.

    ``through`` has the same classes as ``original``, from the dictionary's reconstruction; ``divergence`` is
    ``KL(original || through)`` in nats.
    """

    dictionary: str
    stream: int = Field(0, description="a model of a universal dictionary, from 1; 0 for all, or the only one")
    missing: str = Field("", description="why there are no effects; then all else is empty")
    target: ClassScore | None = None
    method: str = ""
    score: float | None = None
    bias: float | None = None
    residual: float | None = None
    gap: float | None = None
    original: tuple[ClassScore, ...] = ()
    through: tuple[ClassScore, ...] = ()
    same_top: bool | None = None
    divergence: float | None = None
    edit: EditFacts | None = None
    occluded: tuple[int, ...] = Field((), description="concepts that were taken away; what is lost stands beside")
    no_map: str = Field("", description="why there is no map of what is lost, where one was asked for")


def _no_values() -> Float32[np.ndarray, " n"]:
    return np.zeros(0, dtype=np.float32)


def _no_grid() -> Float32[np.ndarray, "h w"]:
    return np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True)
class DictionaryEffects:
    """Effects of one dictionary's concepts: the active ones, ascending, and what each adds to the score."""

    facts: EffectFacts
    concepts: Int32[np.ndarray, " m"]
    contributions: Float32[np.ndarray, " m"]
    """Empty where they were not asked for."""
    parts: Float32[np.ndarray, "p a"]
    """Each patch's part of them, slot by slot as ``StreamCodes`` has codes; empty where they were not asked for."""
    controls: tuple[Float32[np.ndarray, "r c"], ...] = ()
    """Probabilities of the edit's classes, draw by draw, of each control."""
    lost: Float32[np.ndarray, " o"] = field(default_factory=_no_values)
    """``y(x) - y(x less z_k d_k)`` of each occluded concept, in logits."""
    lost_map: Float32[np.ndarray, "h w"] = field(default_factory=_no_grid)
    """The same of the first one, taken from each patch by itself; empty where there is none."""

    @classmethod
    def none(cls, dictionary: str, why: str, *, stream: int = 0) -> "DictionaryEffects":
        """Nothing, and why."""
        facts = EffectFacts(dictionary=dictionary, stream=stream, missing=why)
        return cls(facts, np.zeros(0, dtype=np.int32), _no_values(), _no_grid())


@dataclass(frozen=True)
class Effects:
    """The answer to ``EffectsRequest``, in the order of the dictionaries; of a universal one, all together first."""

    photo: PhotoFacts
    dictionaries: tuple[DictionaryEffects, ...]


_ARRAYS = ("concepts", "contributions", "parts", "lost", "lost_map")


class _EffectsMessage(Message):
    photo: PhotoFacts
    dictionaries: tuple[EffectFacts, ...]


def pack_effects(effects: Effects) -> bytes:
    """The answer as it travels."""
    message = _EffectsMessage(photo=effects.photo, dictionaries=tuple(one.facts for one in effects.dictionaries))
    arrays: dict[str, Any] = {}
    for i, one in enumerate(effects.dictionaries):
        arrays |= {f"{i}.{name}": getattr(one, name) for name in _ARRAYS}
        arrays |= {f"{i}.control.{j}": control for j, control in enumerate(one.controls)}
    return Parcel(message.model_dump(mode="json"), arrays).pack()


def read_effects(parcel: Parcel) -> Effects:
    """The answer as it was; raises ``Damaged``."""
    try:
        message = _EffectsMessage.model_validate(parcel.message)
        found = tuple(_effects(facts, parcel.arrays, i) for i, facts in enumerate(message.dictionaries))
    except (ValidationError, KeyError) as fault:
        raise Damaged("The encoder's answer cannot be read; are web program and encoder of one version?") from fault
    return Effects(message.photo, found)


def _effects(facts: EffectFacts, arrays: Mapping[str, Any], place: int) -> DictionaryEffects:
    n_controls = 0 if facts.edit is None else len(facts.edit.controls)
    return DictionaryEffects(
        facts,
        controls=tuple(arrays[f"{place}.control.{j}"] for j in range(n_controls)),
        **{name: arrays[f"{place}.{name}"] for name in _ARRAYS},
    )
