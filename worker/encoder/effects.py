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
from worker.dictionaries.base import SparseCodes
from worker.effects.contributions import Contributions, TooSlow, contributions, occluded_patches, occlusion
from worker.effects.controls import Strength
from worker.effects.photo import CodedPhoto, code_photo
from worker.effects.predictions import Prediction, Through, through_dictionary
from worker.effects.tails import Tail, find_tail, no_head
from worker.effects.targets import Target
from worker.effects.trying import Controlled, Effect, try_edits
from worker.encoder.codes import strongest_first
from worker.encoder.study import Study
from worker.models.base import Activations

_JOINT = "Several models read this dictionary at once, and edits and contributions are of one model's prediction."
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
        )


def effects_of(studies: Sequence[Study], wanted: StudyEffects) -> DictionaryEffects:
    """Of one dictionary. Raises ``NotFound`` for a class and ``BadEdit`` for a concept or patch that is not there."""
    study = studies[0]
    if study.stream or study.dictionary.spec.tokens is Tokens.CLASS:
        return _none(study, _JOINT if study.stream else _OF_CLASS)
    try:
        tail = _tail(study)
    except (Unavailable, InvalidInput) as fault:
        return _none(study, str(fault))
    return _found(study, tail, wanted)


def _tail(study: Study) -> Tail:
    if study.look.logits is None:
        raise no_head(study.model)
    there = study.dictionary.mean.device  # looks are kept on the CPU
    photo = Activations(study.look.patches[None].to(there), study.look.prefix[None].to(there))
    return find_tail(study.model, study.reading.layer, study.window, photo=photo)


def _found(study: Study, tail: Tail, wanted: StudyEffects) -> DictionaryEffects:
    codes = study.dictionary.encode(study.tokens.to(study.dictionary.mean))
    photo = code_photo(study.dictionary, study.look.patches, codes=codes)
    through, names = through_dictionary(photo, tail), study.model.class_names
    class_index = through.original.top if wanted.class_index is None else wanted.class_index
    target = Target(class_index, against="mean")
    terms = contributions(photo, tail, target) if wanted.with_contributions else None
    effect = _tried(photo, tail, wanted) if wanted.edits.edits else None
    shown = [] if effect is None else _shown(effect, class_index, n=wanted.n_classes)
    facts = _facts(study, through, class_index=class_index, terms=terms, n_classes=wanted.n_classes)
    if effect is not None:
        facts = facts.model_copy(update={"edit": _edit(effect, wanted.edits, shown=shown, names=names)})
    lost, lost_map, no_map = _lost(photo, tail, target, wanted=wanted)
    controls = [] if effect is None else effect.controls
    return DictionaryEffects(
        facts.model_copy(update={"occluded": wanted.occlude, "no_map": no_map}),
        photo.concepts.to(torch.int32).numpy(),
        (torch.zeros(0) if terms is None else terms.values).float().numpy(),
        np.zeros((0, 0), dtype=np.float32) if terms is None else parts_of(photo, codes, terms),
        controls=tuple(one.probabilities[:, shown].float().numpy() for one in controls),
        lost=lost,
        lost_map=lost_map,
    )


def _lost(
    photo: CodedPhoto, tail: Tail, target: Target, *, wanted: StudyEffects
) -> tuple[Float32[np.ndarray, " o"], Float32[np.ndarray, "h w"], str]:
    """What is lost without each concept, and patch by patch without the first one, or why there is no such map."""
    for concept in wanted.occlude:
        if concept >= photo.n_concepts:
            raise InvalidInput(f"There is no concept {concept}; this dictionary has 0 to {photo.n_concepts - 1}.")
    lost = occlusion(photo, tail, target, concepts=wanted.occlude).float().numpy()
    none = np.zeros((0, 0), dtype=np.float32)
    if not (wanted.with_map and wanted.occlude):
        return lost, none, ""
    try:
        found = occluded_patches(photo, tail, target, concept=wanted.occlude[0], within_s=MAP_WITHIN_S)
    except TooSlow as fault:
        return lost, none, str(fault)
    return lost, found.float().numpy(), ""


def parts_of(photo: CodedPhoto, codes: SparseCodes, terms: Contributions) -> Float32[np.ndarray, "p a"]:
    """What each slot of the codes adds to the score: ``z_ik <g_i, d_k>``; slots as ``strongest_first`` orders them."""
    assert terms.maps is not None
    indices, values = strongest_first(codes)
    place = np.searchsorted(photo.concepts.numpy(), indices).clip(max=max(len(photo.concepts) - 1, 0))
    dense, maps = photo.codes.numpy(), terms.maps.flatten(1).T.numpy()
    rows = np.arange(len(indices))[:, None]
    if not indices.size:
        return np.zeros(indices.shape, dtype=np.float32)
    slopes = maps[rows, place] / np.where(values > 0, dense[rows, place], 1.0)
    return np.where(values > 0, values * slopes, 0.0).astype(np.float32)


def _tried(photo: CodedPhoto, tail: Tail, wanted: StudyEffects) -> Effect:
    fits = wanted.collection is not None and len(wanted.collection.density) == photo.n_concepts
    return try_edits(photo, tail, wanted.edits, collection=wanted.collection if fits else None)


def _facts(
    study: Study, through: Through, *, class_index: int, terms: Contributions | None, n_classes: int
) -> EffectFacts:
    names = study.model.class_names
    shown = _union(through.original.classes(n_classes), through.reconstructed.classes(1), [class_index])
    score = {} if terms is None else {"method": terms.method.value, "score": terms.score, "bias": terms.bias}
    rest = {} if terms is None else {"residual": terms.residual, "gap": terms.gap}
    return EffectFacts(
        dictionary=study.dictionary_digest,
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


def _none(study: Study, why: str) -> DictionaryEffects:
    return DictionaryEffects.none(study.dictionary_digest, why)
