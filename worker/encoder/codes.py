"""Codes of one photo, and what they come to: pooled, peaks, reconstruction, the model's own prediction."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32, Int32
from torch import Tensor

from store.encoding.contract import ClassScore, StreamCodes, StreamFacts
from store.vocabulary import Tokens
from worker.dictionaries.base import Dictionary, SparseCodes
from worker.encoder.study import DTYPES, Study
from worker.universal.stream import StreamDictionary
from worker.universal.together import mean_codes


@torch.no_grad()
def encode_studies(studies: Sequence[Study], *, n_classes: int) -> list[StreamCodes]:
    """The codes of the photo's tokens in one dictionary, in the unit and with the streams of its atlas."""
    coded = [_coded(study) for study in studies]
    found = [
        _summed(codes, partial(_facts, study, r2=r2, n_classes=n_classes), prefix=_prefix(study))
        for study, (codes, r2) in zip(studies, coded, strict=True)
    ]
    if studies[0].stream == 0:
        return found
    mean = _summed(mean_codes([codes for codes, _ in coded]), partial(_facts_of_all, [one.facts for one in found]))
    return [mean, *found]


def _coded(study: Study) -> tuple[SparseCodes, float | None]:
    """Codes, common ones in a universal dictionary, and R2."""
    tokens = study.tokens.to(study.dictionary.mean)
    codes = study.dictionary.encode(tokens)
    r2 = centred_r2(study.dictionary, tokens, codes)
    if isinstance(study.dictionary, StreamDictionary):
        codes = study.dictionary.common_codes(study.dictionary.standardize(tokens))
    return codes, r2


def _prefix(study: Study) -> SparseCodes | None:
    """Codes of class and register tokens, in the order that the model has; None where the dictionary reads none."""
    if study.dictionary.spec.tokens is not Tokens.ALL or not len(study.look.prefix):
        return None
    tokens = study.look.prefix.to(DTYPES[study.reading.dtype]).float()
    return study.dictionary.encode(tokens.to(study.dictionary.mean))


def _summed(codes: SparseCodes, facts: Callable[..., StreamFacts], *, prefix: SparseCodes | None = None) -> StreamCodes:
    indices, values = strongest_first(codes)
    none = np.zeros((0, 0), dtype=np.int32), np.zeros((0, 0), dtype=np.float32)
    prefix_indices, prefix_values = none if prefix is None else strongest_first(prefix)
    concepts, pooled, peak, peak_patch = per_concept(indices, values)
    return StreamCodes(
        facts=facts(l0=float((values > 0).sum() / max(len(values), 1))),
        indices=indices,
        values=values,
        concepts=concepts,
        pooled=pooled,
        peak=peak,
        peak_patch=peak_patch,
        prefix_indices=prefix_indices,
        prefix_values=prefix_values,
    )


def strongest_first(codes: SparseCodes) -> tuple[Int32[np.ndarray, "p a"], Float32[np.ndarray, "p a"]]:
    """Slots of every patch by falling value, without those that no patch uses; unused ones name concept 0."""
    values, order = codes.values.sort(dim=1, descending=True, stable=True)
    indices = codes.indices.gather(1, order)
    n_used = int((values > 0).sum(dim=1).max()) if values.numel() else 0
    kept = values[:, :n_used].float().cpu().numpy()
    named = indices[:, :n_used].to(torch.int32).cpu().numpy()
    return np.where(kept > 0, named, 0).astype(np.int32), np.maximum(kept, 0.0, dtype=np.float32)


def per_concept(
    indices: Int32[np.ndarray, "p a"], values: Float32[np.ndarray, "p a"]
) -> tuple[Int32[np.ndarray, " c"], Float32[np.ndarray, " c"], Float32[np.ndarray, " c"], Int32[np.ndarray, " c"]]:
    """Active concepts, each with its mean over all patches, its largest code, and the first patch that has it."""
    patch, slot = np.nonzero(values > 0)
    concept, value = indices[patch, slot], values[patch, slot]
    order = np.lexsort((patch, -value, concept))  # by concept, the strongest first, the first patch of equals
    concepts, starts = np.unique(concept[order], return_index=True)
    sums = np.bincount(concept, weights=value, minlength=int(concepts.max(initial=-1)) + 1)[concepts]
    pooled = (sums / max(len(values), 1)).astype(np.float32)
    return concepts, pooled, value[order][starts], patch[order][starts].astype(np.int32)


def centred_r2(dictionary: Dictionary, tokens: Float[Tensor, "p d"], codes: SparseCodes) -> float | None:
    """``1 - sum |x - x_hat|^2 / sum |x - mean|^2``, mean being the dictionary's; None where the latter is 0."""
    error = (tokens - dictionary.decode(codes)).double().square().sum()
    spread = float((tokens - dictionary.mean).double().square().sum())
    return None if spread == 0 else 1.0 - float(error) / spread


def most_likely(logits: Float[Tensor, " c"], names: tuple[str, ...] | None, *, n: int) -> tuple[ClassScore, ...]:
    """The classes with the largest probabilities, ``softmax(logits)``."""
    shares = logits.double().softmax(dim=0)
    best = shares.topk(min(n, len(shares)))
    return tuple(
        ClassScore(
            index=index,
            name=names[index] if names else str(index),
            probability=share,
            logit=float(logits[index]),
        )
        for share, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    )


def _facts(study: Study, *, r2: float | None, l0: float, n_classes: int) -> StreamFacts:
    window, seen, logits = study.window, study.seen, study.look.logits
    reads_all = study.dictionary.spec.tokens is Tokens.ALL
    geometry = study.model.geometry(study.reading.layer, window) if reads_all else None
    return StreamFacts(
        dictionary=study.dictionary_digest,
        stream=study.stream,
        model=study.reading.model,
        layer=study.reading.layer,
        n_concepts=study.dictionary.n_concepts,
        grid_rows=study.grid.rows,
        grid_cols=study.grid.cols,
        height_px=window.height_px,
        width_px=window.width_px,
        fit=window.fit,
        crop_ratio=window.crop_ratio,
        seen=(seen.left, seen.top, seen.right, seen.bottom),
        r2=r2,
        l0=l0,
        predicted=() if logits is None else most_likely(logits, study.model.class_names, n=n_classes),
        n_class=geometry.n_class if geometry else 0,
        n_register=geometry.n_register if geometry else 0,
    )


def _facts_of_all(streams: Sequence[StreamFacts], *, l0: float) -> StreamFacts:
    """The mean of several models, which has no window, no error and no prediction of its own."""
    named = {name: " + ".join(getattr(one, name) for one in streams) for name in ("model", "layer")}
    none = {"height_px": None, "width_px": None, "fit": None, "crop_ratio": None, "r2": None, "predicted": ()}
    return streams[0].model_copy(update=named | none | {"stream": 0, "is_mean": True, "l0": l0})
