"""Effects of concepts on one photo's prediction, from studies: what ``worker/effects`` finds, as it travels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import Tensor

from store.edits import Edits, parse_edits
from store.encoding.contract import ClassScore
from store.encoding.effects import (
    DENSITY,
    ENERGY,
    ControlFacts,
    DictionaryEffects,
    EditFacts,
    EffectFacts,
    EffectsRequest,
)
from store.errors import InvalidInput, Unavailable
from store.vocabulary import Tokens
from worker.effects.contributions import Contributions, TooSlow, contributions, occluded_patches, occlusion
from worker.effects.controls import Strength
from worker.effects.predictions import Prediction, Through, through_dictionary
from worker.effects.tails import Tail, find_tail, no_head
from worker.effects.targets import Target
from worker.effects.trying import Controlled, Effect, try_edits
from worker.encoder.own_patches import OTHER_GRID, OwnPatches, own_patches
from worker.encoder.study import Study
from worker.models.base import Activations

_JOINT = (
    "Several models read this dictionary at once, and edits and contributions are of one model's prediction: choose "
    "one of its models."
)
_OF_CLASS = "This dictionary reads the class token alone, and effects are those of patches."
MAP_WITHIN_S: Final = 3.0
"""How long a map of what is lost may take; others wait meanwhile."""


@dataclass(frozen=True)
class StudyEffects:
    """What is asked about each dictionary."""

    class_index: int | None
    with_contributions: bool
    edits: Edits
    n_classes: int
    collection: Strength | None
    occlude: tuple[int, ...] = ()
    with_map: bool = False
    stream: int | None = None

    @classmethod
    def of(cls, request: EffectsRequest, arrays: Mapping[str, NDArray[Any]]) -> "StudyEffects":
        """From a request. Raises ``BadEdit``."""
        both = DENSITY in arrays and ENERGY in arrays
        strength = Strength(*(arrays[name].astype(np.float64) for name in (DENSITY, ENERGY))) if both else None
        return cls(
            class_index=request.class_index,
            with_contributions=request.contributions,
            edits=parse_edits(request.edits),
            n_classes=request.n_classes,
            collection=strength,
            occlude=request.occlude,
            with_map=request.occlude_map,
            stream=request.stream,
        )


def effects_of(studies: Sequence[Study], wanted: StudyEffects) -> list[DictionaryEffects]:
    """Of one dictionary; of a universal one those of all models together, which are none, and of each of its models.

    Raises ``NotFound`` for a class and ``BadEdit`` for a concept or patch that is not there.
    """
    joint = [_none(studies[0], _JOINT, stream=0)] if studies[0].stream else []
    of_all = [one for one in joint if wanted.stream in (None, 0)]
    of_each = [_of_study(study, wanted) for study in studies if wanted.stream in (None, study.stream)]
    if not of_all and not of_each:
        raise InvalidInput(f"There is no stream {wanted.stream}; this dictionary has those up to {studies[-1].stream}.")
    return of_all + of_each


def _of_study(study: Study, wanted: StudyEffects) -> DictionaryEffects:
    if study.dictionary.spec.tokens is Tokens.CLASS:
        return _none(study, _OF_CLASS, stream=study.stream)
    try:
        tail = _tail(study)
    except (Unavailable, InvalidInput) as fault:
        return _none(study, str(fault), stream=study.stream)
    return _found(study, tail, wanted)


def _tail(study: Study) -> Tail:
    if study.look.logits is None:
        raise no_head(study.model)
    there = study.dictionary.mean.device  # looks are kept on the CPU
    photo = Activations(study.look.patches[None].to(there), study.look.prefix[None].to(there))
    return find_tail(study.model, study.reading.layer, study.window, photo=photo)


def _found(study: Study, tail: Tail, wanted: StudyEffects) -> DictionaryEffects:
    own = own_patches(study)
    photo = own.photo
    through, names = through_dictionary(photo, tail), study.model.class_names
    class_index = through.original.top if wanted.class_index is None else wanted.class_index
    target = Target(class_index, against="mean")
    terms = contributions(photo, tail, target) if wanted.with_contributions else None
    effect = _tried(own, tail, wanted) if wanted.edits.edits else None
    shown = [] if effect is None else _shown(effect, class_index, n=wanted.n_classes)
    facts = _facts(study, through, class_index=class_index, terms=terms, n_classes=wanted.n_classes)
    if effect is not None:
        facts = facts.model_copy(update={"edit": _edit(effect, wanted.edits, shown=shown, names=names)})
    lost, lost_map, no_map = _lost(own, tail, target, wanted=wanted)
    controls = [] if effect is None else effect.controls
    return DictionaryEffects(
        facts.model_copy(update={"occluded": wanted.occlude, "no_map": no_map}),
        photo.concepts.to(torch.int32).numpy(),
        (torch.zeros(0) if terms is None else terms.values).float().numpy(),
        np.zeros((0, 0), dtype=np.float32) if terms is None else own.parts(terms),
        controls=tuple(one.probabilities[:, shown].float().numpy() for one in controls),
        lost=lost,
        lost_map=lost_map,
    )


def _lost(
    own: OwnPatches, tail: Tail, target: Target, *, wanted: StudyEffects
) -> tuple[Float32[np.ndarray, " o"], Float32[np.ndarray, "h w"], str]:
    """What is lost without each concept, and patch by patch without the first one, or why there is no such map."""
    photo = own.photo
    for concept in wanted.occlude:
        if concept >= photo.n_concepts:
            raise InvalidInput(f"There is no concept {concept}; this dictionary has 0 to {photo.n_concepts - 1}.")
    lost = occlusion(photo, tail, target, concepts=wanted.occlude).float().numpy()
    none = np.zeros((0, 0), dtype=np.float32)
    if not (wanted.with_map and wanted.occlude):
        return lost, none, ""
    if own.slots is None:
        return lost, none, OTHER_GRID
    try:
        found = occluded_patches(photo, tail, target, concept=wanted.occlude[0], within_s=MAP_WITHIN_S)
    except TooSlow as fault:
        return lost, none, str(fault)
    return lost, found.float().numpy(), ""


def _tried(own: OwnPatches, tail: Tail, wanted: StudyEffects) -> Effect:
    fits = wanted.collection is not None and len(wanted.collection.density) == own.photo.n_concepts
    edits = own.edits(wanted.edits)
    return try_edits(own.photo, tail, edits, collection=wanted.collection if fits else None)


def _facts(
    study: Study, through: Through, *, class_index: int, terms: Contributions | None, n_classes: int
) -> EffectFacts:
    names = study.model.class_names
    shown = _union(through.original.classes(n_classes), through.reconstructed.classes(1), [class_index])
    score = {} if terms is None else {"method": terms.method.value, "score": terms.score, "bias": terms.bias}
    rest = {} if terms is None else {"residual": terms.residual, "gap": terms.gap}
    return EffectFacts(
        dictionary=study.dictionary_digest,
        stream=study.stream,
        target=_scores(through.original, [class_index], names)[0],
        original=_scores(through.original, shown, names),
        through=_scores(through.reconstructed, shown, names),
        same_top=through.same_top,
        divergence=through.divergence,
        **score,
        **rest,
    )


def _edit(effect: Effect, edits: Edits, *, shown: list[int], names: tuple[str, ...] | None) -> EditFacts:
    return EditFacts(
        text=edits.text,
        size=effect.size,
        before=_scores(effect.before, shown, names),
        after=_scores(effect.after, shown, names),
        top_before=effect.before.top,
        top_after=effect.after.top,
        controls=tuple(_control(one) for one in effect.controls),
    )


def _control(one: Controlled) -> ControlFacts:
    n_draws = len(one.draws.others)
    size = float(one.sizes.mean()) if n_draws else None
    return ControlFacts(kind=one.draws.kind.value, n_draws=n_draws, too_few=one.draws.too_few, size=size)


def _shown(effect: Effect, class_index: int, *, n: int) -> list[int]:
    """The classes that are most likely before or after, those before first."""
    return _union(effect.before.classes(n), effect.after.classes(n), [class_index])


def _union(*lists: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(index for some in lists for index in some))


def _scores(prediction: Prediction, classes: Sequence[int], names: tuple[str, ...] | None) -> tuple[ClassScore, ...]:
    shares: Tensor = prediction.probabilities
    return tuple(
        ClassScore(
            index=index,
            name=names[index] if names else str(index),
            probability=float(shares[index]),
            logit=float(prediction.logits[index]),
        )
        for index in classes
    )


def _none(study: Study, why: str, *, stream: int) -> DictionaryEffects:
    return DictionaryEffects.none(study.dictionary_digest, why, stream=stream)
