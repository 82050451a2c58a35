"""Rows of the tables about predicted classes, literally and slowly: for synthetic stores only."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

Row = dict[str, Any]
Array = np.ndarray[Any, Any]
NAMES = ("red thing", "green thing", "blue thing", "grey thing")
N_STEPS = 6


class Head:
    """A random linear head after the mean over patches, whose activations are exactly codes times atoms."""

    def __init__(self, codes: Float[np.ndarray, "n h w K"], atoms: Float[np.ndarray, "K d"]) -> None:
        rng = np.random.default_rng(7)
        self.pooled = codes.mean(axis=(1, 2)).astype(np.float64)
        self.slopes = atoms.astype(np.float64) @ rng.normal(size=(atoms.shape[1], len(NAMES)))
        self.slopes *= 6 / max(float((self.pooled @ self.slopes).std()), 1e-9)
        self.bias = -(self.pooled @ self.slopes).mean(axis=0)
        self.logits = self.pooled @ self.slopes + self.bias
        self.predicted = self.logits.argmax(axis=1)

    def classes(self) -> list[int]:
        """Those predicted for at least two images."""
        return [c for c in range(len(NAMES)) if int((self.predicted == c).sum()) >= 2]

    def order(self, output: int) -> list[int]:
        """Concepts that fire on its images, by contrast."""
        mean = self.pooled[self.predicted == output].mean(axis=0)
        contrast = mean * (self.slopes[:, output] - self.slopes.mean(axis=1))
        return sorted(np.flatnonzero(mean > 0).tolist(), key=lambda k: (-contrast[k], k))

    def probability(self, output: int, *, without: list[int]) -> Array:
        """Of every image of the class, some concepts taken away."""
        pooled = self.pooled[self.predicted == output].copy()
        pooled[:, without] = 0
        logits = pooled @ self.slopes + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds[:, output] / odds.sum(axis=1))


def head_classes(head: Head) -> Iterator[Row]:
    """``head_class``; nothing is left over, so there is no residual."""
    for output in head.classes():
        whole = head.probability(output, without=[])
        yield {
            "output": output,
            "name": NAMES[output],
            "n_images": len(whole),
            "logit": float(head.logits[head.predicted == output, output].mean()),
            "bias": float(head.bias[output]),
            "residual": 0.0,
            "n_concepts": len(head.order(output)),
            "probability": float(whole.mean()),
            "n_curve": len(whole),
            "whole": float(whole.mean()),
            "through": float(whole.mean()),
            "remainder": float(head.probability(output, without=head.order(output)).mean()),
        }


def head_concepts(head: Head) -> Iterator[Row]:
    """``head_concept``."""
    for output in head.classes():
        of_class = head.pooled[head.predicted == output]
        leaders = (of_class * head.slopes[:, output]).argmax(axis=1).tolist()
        for rank, concept in enumerate(head.order(output)[:64]):
            given = of_class[:, concept] * head.slopes[concept, output]
            yield {
                "output": output,
                "rank": rank,
                "concept": concept,
                "importance": float(given.mean()),
                "standard_error": float(given.std(ddof=1) / np.sqrt(len(given))),
                "contrast": float(given.mean() - of_class[:, concept].mean() * head.slopes[concept].mean()),
                "leading": leaders.count(concept),
            }


def head_curves(head: Head) -> Iterator[Row]:
    """``head_curve``, with a single random order."""
    for output in head.classes():
        given = head.order(output)
        drawn = np.random.default_rng(output).permutation(given).tolist()
        for ordering, order in (("most", given), ("least", given[::-1]), ("random", drawn)):
            for walk in ("deletion", "insertion"):
                yield from _curve(head, output, order, ordering=ordering, walk=walk)


def head_images(head: Head) -> Iterator[Row]:
    """``head_image``, all images of each class."""
    for output in head.classes():
        images = np.flatnonzero(head.predicted == output)
        probability = head.probability(output, without=[])
        for rank, place in enumerate(np.argsort(-probability, kind="stable")):
            yield {
                "output": output,
                "rank": rank,
                "image": int(images[place]),
                "logit": float(head.logits[images[place], output]),
                "probability": float(probability[place]),
            }


def head_groups(head: Head, classes: Sequence[str | None]) -> Iterator[Row]:
    """``head_group``."""
    for output in head.classes():
        met = [classes[image] for image in np.flatnonzero(head.predicted == output).tolist()]
        for name in sorted({name for name in met if name}):
            yield {"output": output, "class": name, "n_images": met.count(name)}


def _curve(head: Head, output: int, order: list[int], *, ordering: str, walk: str) -> Iterator[Row]:
    taken = sorted({round(len(order) * step / N_STEPS) for step in range(N_STEPS + 1)})
    gone = [order[:n] if walk == "deletion" else order[n:] for n in taken]
    found = [head.probability(output, without=some) for some in gone]
    area = float(np.trapezoid([p.mean() for p in found], np.array(taken) / taken[-1]))
    for step, (n, p) in enumerate(zip(taken, found, strict=True)):
        yield {
            "output": output,
            "walk": walk,
            "ordering": ordering,
            "step": step,
            "taken": n,
            "probability": float(p.mean()),
            "standard_error": float(p.std(ddof=1) / np.sqrt(len(p))),
            "area": area,
            "area_spread": 0.0,
        }
