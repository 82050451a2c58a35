"""What concepts do to the classes that the model predicts: gathered in the pass over the tokens, then written."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from store.atlas.writer import AtlasWriter
from worker.dictionaries.base import Dictionary
from worker.effects.curves import Curves
from worker.effects.importance import ClassImportance, ClassTally, PooledImage, ShownImage
from worker.effects.tails import LinearTail
from worker.indexing.pairs import Pairs
from worker.indexing.scan import Encoded
from worker.models.base import LinearHead

_LEAST_IMAGES = 2  # a mean of one image has no standard error
_CONCEPTS_KEPT = 64


class HeadScan:
    """Listens to the pass; memory is O(predicted classes x concepts).

    ``groups`` are the images' classes in the collection, -1 for none.
    """

    def __init__(
        self, head: LinearHead, dictionary: Dictionary, *, groups: Int64[np.ndarray, " N"], group_names: Sequence[str]
    ) -> None:
        self.names, self.group_names = head.class_names, group_names
        self._groups = groups
        self.met: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.tally = ClassTally(LinearTail(head), dictionary.atoms, dictionary.origin)
        self._mean = dictionary.mean.detach().double().cpu().numpy()

    def add(self, encoded: Encoded, pairs: Pairs) -> None:
        """A batch of images."""
        means = (encoded.descriptors + self._mean).astype(np.float32)
        starts = np.searchsorted(pairs.image, encoded.images, side="left")
        stops = np.searchsorted(pairs.image, encoded.images, side="right")
        predicted = self.tally.add(
            [
                PooledImage(int(image), mean, pairs.concept[start:stop], pairs.pooled[start:stop])
                for image, mean, start, stop in zip(encoded.images, means, starts, stops, strict=True)
            ]
        )
        for output, group in zip(predicted, self._groups[encoded.images].tolist(), strict=True):
            self.met[output][group] += 1

    def classes(self) -> Iterator[ClassImportance]:
        """The predicted classes that the atlas tells of: those of enough images on which any concept fires."""
        return (one for one in self.tally.classes(least=_LEAST_IMAGES) if len(one.fires))

    @property
    def evidence(self) -> set[int]:
        """The images that are shown of these classes."""
        return {image.image for one in self.classes() for image in self.tally.shown(one.class_index)}

    def slopes(self, names: Sequence[str]) -> Float64[np.ndarray, "K c"]:
        """What a code of 1 on every patch adds to the logit of each class of a name; NaN where the model has none."""
        outputs = outputs_of(names, self.names or ())
        atoms, rows = self.tally.atoms.double(), self.tally.tail.weight
        columns = [np.full(len(atoms), np.nan) if o is None else (atoms @ rows[o]).numpy() for o in outputs]
        return np.stack(columns, axis=1) if columns else np.zeros((len(atoms), 0))


def outputs_of(names: Sequence[str], known: Sequence[str]) -> list[int | None]:
    """The model's class of the same name, letters alone; None for no class or for several."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(known):
        places.setdefault(_letters(name), []).append(place)
    found = (places.get(_letters(name), []) for name in names)
    return [some[0] if len(some) == 1 else None for some in found]


def _letters(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def write_heads(writer: AtlasWriter, scan: HeadScan, *, seed: int) -> None:
    """Write the tables about predicted classes, class by class."""
    for one in scan.classes():
        curves = scan.tally.curves(one.class_index, seed=seed)
        writer.append("head_class", _class_row(one, curves, names=scan.names))
        writer.append("head_concept", _concept_rows(one))
        writer.append("head_curve", _curve_rows(curves))
        writer.append("head_image", _image_rows(one.class_index, scan.tally.shown(one.class_index)))
        writer.append("head_group", _group_rows(one.class_index, scan))


def _class_row(one: ClassImportance, curves: Curves, *, names: tuple[str, ...] | None) -> dict[str, Any]:
    row = {
        "output": one.class_index,
        "name": None if names is None else names[one.class_index],
        "n_images": one.n_images,
        "logit": one.logit,
        "bias": one.bias,
        "residual": one.residual,
        "n_concepts": len(one.fires),
        "probability": one.probability,
        "n_curve": curves.n_images,
        "whole": curves.whole,
        "through": curves.through,
        "remainder": curves.remainder,
    }
    return {name: [value] for name, value in row.items()}


def _concept_rows(one: ClassImportance) -> dict[str, Any]:
    order = np.array(one.order(), dtype=np.int64)
    kept: Int64[np.ndarray, " n"] = np.sort(np.argsort(-np.abs(one.contrast[order]), kind="stable")[:_CONCEPTS_KEPT])
    concepts = order[kept]
    return {
        "output": np.full(len(concepts), one.class_index),
        "rank": np.arange(len(concepts)),
        "concept": concepts,
        "importance": one.importance[concepts],
        "standard_error": one.standard_error[concepts],
        "contrast": one.contrast[concepts],
        "leading": one.leading[concepts],
    }


def _image_rows(output: int, images: Sequence[ShownImage]) -> dict[str, Any]:
    return {
        "output": np.full(len(images), output),
        "rank": np.arange(len(images)),
        "image": np.array([one.image for one in images]),
        "logit": np.array([one.logit for one in images]),
        "probability": np.array([one.probability for one in images]),
    }


def _group_rows(output: int, scan: HeadScan) -> dict[str, Any]:
    found = sorted((scan.group_names[group], n) for group, n in scan.met[output].items() if group >= 0)
    return {"output": [output] * len(found), "class": [name for name, _ in found], "n_images": [n for _, n in found]}


def _curve_rows(curves: Curves) -> dict[str, Any]:
    rows: dict[str, list[Any]] = {}
    for curve in sorted(curves.curves, key=lambda curve: (curve.walk.value, curve.order.value)):
        for step, taken in enumerate(curves.taken.tolist()):
            error = float(curve.standard_error[step])
            row = {
                "output": curves.class_index,
                "walk": curve.walk.value,
                "ordering": curve.order.value,
                "step": step,
                "taken": taken,
                "probability": float(curve.probability[step]),
                "standard_error": None if np.isnan(error) else error,
                "area": curve.area,
                "area_spread": curve.area_spread,
            }
            for name, value in row.items():
                rows.setdefault(name, []).append(value)
    return rows
