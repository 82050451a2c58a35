"""Whether single concepts stand for the classes and the likenesses that people or other models see."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.sparse import csc_matrix, csr_matrix
from torch import Tensor

from worker.metrics.images import PooledImages

_BLOCK_CODES = 2**22  # codes that are ranked at once
_N_DRAWS = 5


class BestConcepts(NamedTuple):
    """For each class the concept that finds it best, and its average precision."""

    concepts: Int64[np.ndarray, " c"]
    precisions: Float64[np.ndarray, " c"]


def probe_map(
    train: PooledImages, held_out: PooledImages, classes: Int64[Tensor, " N"], *, seed: int
) -> dict[str, float]:
    """Mean average precision of the best single concept per class, and that of permuted labels; empty without labels.

    For each class the concept whose mean code over the image has the highest average precision on training images is
    scored on held-out images. Counted are classes that some, but not all, labelled images of both splits have. The
    null permutes the labels within each split, chooses and scores again, and is the mean of five draws.
    """
    (learn, learn_codes), (judge, judge_codes) = (_labelled(split, classes) for split in (train, held_out))
    counted = [c for c in sorted(set(judge.tolist())) if 0 < np.sum(learn == c) < len(learn) and np.any(judge != c)]
    if not counted:
        return {}
    random = np.random.default_rng(seed)

    def score(learn: Int64[np.ndarray, " n"], judge: Int64[np.ndarray, " m"]) -> float:
        best = best_concepts(learn_codes, _places(learn, counted), n_classes=len(counted))
        chosen = csr_matrix(judge_codes[:, best.concepts])
        scores = average_precisions(chosen, _places(judge, counted), n_classes=len(counted))
        return float(np.diagonal(scores).mean())

    draws = [score(random.permutation(learn), random.permutation(judge)) for _ in range(_N_DRAWS)]
    return {"probe_map": score(learn, judge), "probe_map_permuted": float(np.mean(draws))}


def best_concepts(codes: csr_matrix, classes: Int64[np.ndarray, " n"], *, n_classes: int) -> BestConcepts:
    """The concept with the highest average precision for each class, the first of equals; some concepts at a time."""
    by_concept = csc_matrix(codes)
    best = BestConcepts(np.zeros(n_classes, dtype=np.int64), np.full(n_classes, -1.0))
    step = max(1, _BLOCK_CODES // max(codes.shape[0], n_classes, 1))
    for start in range(0, codes.shape[1], step):
        scores = average_precisions(by_concept[:, start : start + step], classes, n_classes=n_classes)
        top = scores.argmax(axis=1)
        values = scores[np.arange(n_classes), top]
        better = values > best.precisions
        best.concepts[better], best.precisions[better] = start + top[better], values[better]
    return best


def average_precisions(
    codes: csr_matrix | csc_matrix, classes: Int64[np.ndarray, " n"], *, n_classes: int
) -> Float64[np.ndarray, "c K"]:
    """Average precision of each concept's codes ``[n K]`` for each class; a class of -1 is none of them.

    ``AP = sum_t (R_t - R_(t-1)) P_t`` over the distinct codes t, from the highest: images with equal codes are one
    step, the many with code 0 the last. Each image of the class then adds the precision at its own code over the
    number of images of the class. Only codes above 0 are ranked: the time does not grow with the number of classes.
    """
    codes = csc_matrix(codes)
    n_images, n_concepts = codes.shape
    concept = np.repeat(np.arange(n_concepts), np.diff(codes.indptr))
    order = np.lexsort((-codes.data, concept))
    concept, value, label = concept[order], codes.data[order], classes[codes.indices[order]]
    n_above = _ranks(concept, value)
    cell = concept * (n_classes + 1) + label + 1  # 0 stands for no class
    inner = np.lexsort((-value, cell))
    n_of_class = np.empty(len(value))
    n_of_class[inner] = _ranks(cell[inner], value[inner])
    shape = n_concepts * (n_classes + 1)
    gained = np.bincount(cell, weights=n_of_class / n_above, minlength=shape).reshape(n_concepts, -1)[:, 1:].T
    found = np.bincount(cell, minlength=shape).reshape(n_concepts, -1)[:, 1:].T
    n_class = np.bincount(classes[classes >= 0], minlength=n_classes)[:, None]
    silent = (n_class - found) * (n_class / max(n_images, 1))
    scores: Float64[np.ndarray, "c K"] = (gained + silent) / np.maximum(n_class, 1)
    return scores


def monosemanticity(codes: csr_matrix, embeddings: Float[Tensor, "n e"]) -> Float64[np.ndarray, " K"]:
    """Mean cosine of two images' embeddings, each pair weighted by the product of the concept's codes; NaN undefined.

    With ``a_n`` the code of image n less the smallest (so that any scaling of it cancels) and unit embeddings ``e_n``::

        MS = sum_(n<m) a_n a_m <e_n, e_m> / sum_(n<m) a_n a_m
           = (|sum a_n e_n|^2 - sum a_n^2) / ((sum a_n)^2 - sum a_n^2)

    in [-1, 1] (arXiv 2504.02821, its double sum in closed form). Undefined for a concept with a code in fewer than two
    images.
    """
    codes = csc_matrix(codes)
    vectors = embeddings.double().cpu().numpy()
    lowest = codes.min(axis=0).toarray().ravel() if codes.shape[0] else np.zeros(codes.shape[1])
    n_images = codes.shape[0]
    sums = np.asarray(codes.sum(axis=0)).ravel()
    squares = np.asarray(codes.multiply(codes).sum(axis=0)).ravel() - 2 * lowest * sums + n_images * lowest**2
    weighted = codes.T @ vectors - lowest[:, None] * vectors.sum(axis=0)
    sums = sums - n_images * lowest
    above = sums**2 - squares
    # One image alone leaves a difference of equal numbers: what is left of it is rounding.
    defined = above > 1e-9 * sums**2
    values = np.full(codes.shape[1], np.nan)
    values[defined] = ((weighted**2).sum(axis=1) - squares)[defined] / above[defined]
    return np.clip(values, -1.0, 1.0)


def mean_cosine(embeddings: Float[Tensor, "n e"]) -> float:
    """Mean cosine of two different unit vectors, ``(|sum e_n|^2 - n) / (n (n - 1))``.

    It is also the mean of MonoSemanticity's numerator over all ways to permute a concept's codes over the images,
    relative to its denominator, which they leave as it is: the exact mean of that null.
    """
    n = len(embeddings)
    return (float(embeddings.double().sum(dim=0).square().sum()) - n) / (n * (n - 1))


def monosemanticity_scores(pooled: PooledImages, embeddings: Float[Tensor, "N e"]) -> dict[str, float]:
    """The mean over concepts for which it is defined, and its null; empty when there is none."""
    ours = embeddings.cpu()[pooled.images]
    values = monosemanticity(pooled.codes, ours)
    if np.isnan(values).all():
        return {}
    return {"monosemanticity": float(np.nanmean(values)), "monosemanticity_permuted": mean_cosine(ours)}


def _labelled(pooled: PooledImages, classes: Int64[Tensor, " N"]) -> tuple[Int64[np.ndarray, " n"], csr_matrix]:
    """Classes and codes of the images that have a class."""
    found = classes[pooled.images].numpy()
    return found[found >= 0], pooled.codes[np.flatnonzero(found >= 0)]


def _places(classes: Int64[np.ndarray, " n"], counted: list[int]) -> Int64[np.ndarray, " n"]:
    """Position of each class among the counted ones, -1 for one that is not."""
    place = np.searchsorted(counted, classes).clip(max=len(counted) - 1)
    return np.where(np.asarray(counted)[place] == classes, place, -1)


def _ranks(group: Int64[np.ndarray, " m"], values: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
    """For entries ordered by group, then falling value: how many of the group have at least this value."""
    at = np.arange(len(values))
    new_group = np.append(True, group[1:] != group[:-1])[: len(values)]
    new_value = new_group | np.append(True, values[1:] != values[:-1])[: len(values)]
    first_of_group = np.maximum.accumulate(np.where(new_group, at, 0))
    starts = np.append(np.flatnonzero(new_value), len(values))
    last_of_equals = np.repeat(starts[1:] - 1, np.diff(starts))
    return (last_of_equals - first_of_group + 1).astype(np.float64)
