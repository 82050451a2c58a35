"""How much concepts matter for the classes that a model predicts, over the images for which it predicts them.

Where only a mean over patches and a linear map follow the layer, concept k contributes ``m_k <d_k, w_c>`` to the logit
of class c on an image, with ``m_k`` the mean of its codes over the image's patches. Over the images whose most probable
class is c::

    importance_kc = mean m_k <d_k, w_c>          standard error: sd(m_k) |<d_k, w_c>| / sqrt(n), sd with n - 1
    contrast_kc   = mean m_k <d_k, w_c - w_mean> what counts for probabilities: against the mean of all classes
    mean logit_c  = bias_c + residual_c + sum_k importance_kc,  bias_c = b_c + <origin, w_c>

A collection's own classes are not the model's: importance is given for what the model predicts.
"""

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int32, Int64
from torch import Tensor

from worker.effects.curves import N_DRAWS, N_POINTS, Curves, class_curves
from worker.effects.photo import CodedPhoto
from worker.effects.tails import LinearTail, Logits

N_KEPT = 32
"""Images of a class that are kept for its curves."""


class PooledImage(NamedTuple):
    """One image behind pooling: mean activation, and mean codes of the concepts that fire (ascending)."""

    image: int
    mean: Float[np.ndarray, " d"]
    concepts: Int64[np.ndarray, " m"]
    pooled: Float[np.ndarray, " m"]


class ShownImage(NamedTuple):
    """An image of a class with the class's score."""

    image: int
    logit: float
    probability: float


@dataclass
class _Sums:
    """Sums over the images of one predicted class."""

    slopes: Float32[np.ndarray, " K"]
    total: Float64[np.ndarray, " K"]
    squares: Float64[np.ndarray, " K"]
    leading: Int32[np.ndarray, " K"]
    n: int = 0
    logit: float = 0.0
    probability: float = 0.0
    kept: list[tuple[int, int, PooledImage]] = field(default_factory=list)


@dataclass(frozen=True)
class ClassImportance:
    """What makes a model predict a class, in logits; arrays have one entry per concept."""

    class_index: int
    n_images: int
    logit: float
    """Mean over the images, like all that follows."""
    probability: float
    bias: float
    residual: float
    importance: Float64[np.ndarray, " K"]
    standard_error: Float64[np.ndarray, " K"]
    """NaN for a single image."""
    contrast: Float64[np.ndarray, " K"]
    leading: Int32[np.ndarray, " K"]
    """Images on which the concept contributes most of all."""
    fires: Int64[np.ndarray, " f"]
    """Concepts that fire on any of the images, ascending."""

    def order(self) -> list[int]:
        """Those concepts from the one that speaks most for the class, against the mean of all, to the one against it.

        Ties by concept.
        """
        return [int(k) for k in self.fires[np.argsort(-self.contrast[self.fires], kind="stable")]]


class ClassTally:
    """Streams over images, once; memory is O(predicted classes x concepts) and does not grow with the images.

    Of every predicted class ``n_kept`` images stay, those whose numbers have the smallest hashes: no others for another
    order of images.
    """

    def __init__(
        self, tail: LinearTail, atoms: Float[Tensor, "K d"], origin: Float[Tensor, " d"], *, n_kept: int = N_KEPT
    ) -> None:
        self.tail, self._n_kept = tail, n_kept
        self.atoms, self.origin = atoms.detach().cpu(), origin.detach().double().cpu()
        self._common = self._slopes(tail.weight.mean(dim=0))
        self._sums: dict[int, _Sums] = {}

    def add(self, images: list[PooledImage]) -> list[int]:
        """Some more images; returns the class that is predicted of each."""
        if not images:
            return []
        logits = self.tail.from_means(torch.from_numpy(np.stack([one.mean for one in images])).double())
        probabilities = logits.softmax(dim=1)
        predicted: list[int] = logits.argmax(dim=1).tolist()
        for place, (one, top) in enumerate(zip(images, predicted, strict=True)):
            sums = self._of(top)
            sums.n += 1
            sums.logit += float(logits[place, top])
            sums.probability += float(probabilities[place, top])
            self._add_codes(sums, one)
        return predicted

    @property
    def counts(self) -> dict[int, int]:
        """Images of every predicted class."""
        return {index: self._sums[index].n for index in sorted(self._sums)}

    def classes(self, *, least: int = 1) -> Iterator[ClassImportance]:
        """Every class that was predicted for at least so many images, by its index."""
        for index, n in self.counts.items():
            if n >= least:
                yield self.importance(index)

    def importance(self, class_index: int) -> ClassImportance:
        """Of one class that was predicted."""
        sums, slopes = self._sums[class_index], self._slopes(self.tail.weight[class_index])
        n, mean = sums.n, sums.total / sums.n
        variance = np.maximum(sums.squares - n * mean**2, 0) / (n - 1) if n > 1 else np.full_like(mean, np.nan)
        bias = float(self.tail.bias[class_index] + self.origin @ self.tail.weight[class_index])
        importance = mean * slopes
        return ClassImportance(
            class_index,
            n,
            logit=sums.logit / n,
            probability=sums.probability / n,
            bias=bias,
            residual=sums.logit / n - bias - float(importance.sum()),
            importance=importance,
            standard_error=np.sqrt(variance / n) * np.abs(slopes),
            contrast=mean * (slopes - self._common),
            leading=sums.leading,
            fires=np.flatnonzero(sums.total > 0),
        )

    def kept(self, class_index: int) -> list[CodedPhoto]:
        """The images kept of a class as photos of a single patch, which a linear head cannot tell from whole ones."""
        return [self._photo(one, self.atoms, self.origin) for one in self._kept(class_index)]

    def shown(self, class_index: int) -> list[ShownImage]:
        """The same images by the class's probability, largest first; ties by image."""
        kept = self._kept(class_index)
        logits = self.tail.from_means(torch.from_numpy(np.stack([one.mean for one in kept])).double())
        found = zip(kept, logits[:, class_index].tolist(), logits.softmax(dim=1)[:, class_index].tolist(), strict=True)
        return sorted((ShownImage(one.image, *scores) for one, *scores in found), key=lambda one: -one.probability)

    def curves(self, class_index: int, *, n_draws: int = N_DRAWS, n_points: int = N_POINTS, seed: int = 0) -> Curves:
        """Insertion and deletion over the images kept of a class, in the order of its importance.

        Images, atoms and origin go through the linear map before the walk and not at every step of it. Raises
        ``InvalidInput`` for a class on whose images no concept fires.
        """
        one = self.importance(class_index)
        atoms = self.atoms[one.fires].double() @ self.tail.weight.T
        (origin,) = self.tail.from_means(self.origin[None])
        photos = (
            self._photo(
                PooledImage(
                    kept.image,
                    self.tail.from_means(torch.from_numpy(kept.mean)[None].double())[0].numpy(),
                    np.searchsorted(one.fires, kept.concepts),
                    kept.pooled,
                ),
                atoms,
                origin,
            )
            for kept in self._kept(class_index)
        )
        logits = Logits(self.tail.n_classes)
        return class_curves(
            ((photo, logits) for photo in photos),
            class_index,
            order=np.searchsorted(one.fires, one.order()).tolist(),
            n_draws=n_draws,
            n_points=n_points,
            seed=seed,
        )

    def _kept(self, class_index: int) -> list[PooledImage]:
        return sorted((one for _, _, one in self._sums[class_index].kept), key=lambda one: one.image)

    def _of(self, class_index: int) -> _Sums:
        if class_index not in self._sums:
            k = len(self.atoms)
            slopes = self._slopes(self.tail.weight[class_index]).astype(np.float32)
            self._sums[class_index] = _Sums(slopes, np.zeros(k), np.zeros(k), np.zeros(k, dtype=np.int32))
        return self._sums[class_index]

    def _slopes(self, row: Float64[Tensor, " d"]) -> Float64[np.ndarray, " K"]:
        """``<d_k, row>`` for all concepts."""
        found: Float64[np.ndarray, " K"] = torch.cat(
            [part.double() @ row for part in torch.split(self.atoms, 4096)]
        ).numpy()
        return found

    def _add_codes(self, sums: _Sums, one: PooledImage) -> None:
        codes = one.pooled.astype(np.float64)
        sums.total[one.concepts] += codes
        sums.squares[one.concepts] += codes**2
        given = codes * sums.slopes[one.concepts]
        if len(given) and given.max() > 0:
            sums.leading[one.concepts[given.argmax()]] += 1
        self._keep(sums, one)

    def _keep(self, sums: _Sums, one: PooledImage) -> None:
        """Among those with the smallest hashes; as a copy, since an image may be a view of a whole batch."""
        place = (-_hash(one.image), one.image)
        if len(sums.kept) >= self._n_kept and (not sums.kept or place < sums.kept[0][:2]):
            return
        copy = PooledImage(one.image, one.mean.copy(), one.concepts.copy(), one.pooled.copy())
        heapq.heappush(sums.kept, (*place, copy))
        if len(sums.kept) > self._n_kept:
            heapq.heappop(sums.kept)

    @staticmethod
    def _photo(one: PooledImage, atoms: Float[Tensor, "K w"], origin: Float64[Tensor, " w"]) -> CodedPhoto:
        concepts = torch.from_numpy(one.concepts)
        return CodedPhoto(
            patches=torch.from_numpy(one.mean).double().view(1, 1, -1),
            concepts=concepts,
            codes=torch.from_numpy(one.pooled).double()[None],
            active_atoms=atoms[concepts].double(),
            atoms=atoms,
            origin=origin,
        )


def _hash(image: int) -> int:
    return int.from_bytes(hashlib.sha256(f"kept:{image}".encode()).digest()[:7], "big")
