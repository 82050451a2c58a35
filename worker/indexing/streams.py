"""What an atlas says of each stream of a universal dictionary, beside what it says of all of them together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64, UInt8
from torch import Tensor

from store.specs import AtlasSpec
from worker.dictionaries.base import SparseCodes
from worker.indexing.bands import Bands, Example
from worker.indexing.meetings import Firings, Products, meetings_of_images, meetings_of_patches
from worker.indexing.pairs import Pairs, make_pairs
from worker.indexing.scan import Encoded, Progress, Shards, by_patch
from worker.indexing.staging import Staging
from worker.indexing.totals import Totals
from worker.universal.firing import Firing
from worker.universal.together import TogetherDictionary, mean_codes

_HEATS = "heats.npy"


@dataclass(frozen=True)
class StreamViews:
    """The streams behind a mean: what they are called, from which code on they fire, and how to look again."""

    dictionary: TogetherDictionary
    names: Sequence[str]
    above: Sequence[float]
    """For each stream the code above which a concept fires."""
    read: Callable[[Int64[np.ndarray, " n"]], Shards]
    """Some images, with the same tokens as before."""
    held_out: Bool[np.ndarray, " N"]
    """Which images of the collection only judge."""
    judged: dict[str, Any]
    """What was measured on held-out images: the matrices of ``streams.json``."""


class StreamScan:
    """Listens to the one pass: every stream's codes are made once, for the mean and for what is gathered here.

    Memory is O(streams x concepts).
    """

    def __init__(self, views: StreamViews, spec: AtlasSpec, *, n_patches: int, folder: Path) -> None:
        self.views, self._dictionary = views, views.dictionary
        self._n_patches, self._folder = n_patches, folder
        n_streams, n_concepts = len(views.names), views.dictionary.n_concepts
        self.totals = [Totals(n_concepts, n_patches, 0) for _ in range(n_streams)]
        self.stagings = [
            Staging(folder / f"stream-{number}", image_top=spec.image_top, patch_top=spec.patch_top)
            for number in range(1, n_streams + 1)
        ]
        self.patches, self.images, self.held_out = (Products(n_streams, n_concepts) for _ in range(3))
        self.firings = Firings(np.array(views.above), n_concepts)
        self._squares = torch.zeros(views.dictionary.width, dtype=torch.float64)
        self._parts: list[list[SparseCodes]] = []

    def encode(self, u: Tensor) -> SparseCodes:
        """Codes of all streams together; those of each stream are kept until the batch is complete."""
        parts = self._dictionary.codes_by_stream(u)
        self._parts.append([SparseCodes(one.indices.cpu(), one.values.cpu(), one.n_concepts) for one in parts])
        self._squares += (u - self._dictionary.mean).square().sum(dim=0, dtype=torch.float64).cpu()
        return mean_codes(parts)

    def add(self, encoded: Encoded) -> None:
        """Take in the batch whose codes were just made."""
        of_streams = []
        n_images = len(encoded.images)
        for number, parts in enumerate(zip(*self._parts, strict=True)):
            own = Encoded(encoded.images, *by_patch(parts, n_images=n_images), descriptors=encoded.descriptors)
            pairs = make_pairs(own.images, own.indices, own.values)
            none = np.full(n_images, -1)
            self.totals[number].add(pairs, n_images=n_images, classes=none, class_of=np.full(len(pairs.image), -1))
            self.stagings[number].add(own, pairs)
            of_streams.append(pairs)
        self._parts = []
        self._meet(of_streams, encoded.images)

    def _meet(self, of_streams: Sequence[Pairs], images: Int64[np.ndarray, " n"]) -> None:
        n_concepts, judging = self._dictionary.n_concepts, self.views.held_out
        met = meetings_of_patches(of_streams, n_concepts=n_concepts)
        self.patches.add(met, n=len(images) * self._n_patches)
        self.firings.add(met)
        self.images.add(meetings_of_images(of_streams, n_concepts=n_concepts), n=len(images))
        unseen = meetings_of_images(of_streams, n_concepts=n_concepts, among=judging)
        self.held_out.add(unseen, n=int(judging[images].sum()))

    @property
    def firing(self) -> Firing:
        """Counts over all patches of the collection."""
        fires = np.einsum("iik->ik", self.firings.both)
        return Firing(
            self.patches.n,
            torch.from_numpy(fires.copy()),
            torch.from_numpy(self.firings.everywhere),
            torch.from_numpy(self.firings.anywhere),
            torch.from_numpy(np.stack([totals.count for totals in self.totals])),
            torch.from_numpy(self.patches.sums),
        )

    @property
    def variance(self) -> Float64[Tensor, " M"]:
        """Mean squared distance of each stream's activations, in their own unit, to the mean of the training tokens."""
        universal = self._dictionary.universal
        raw = self._squares / self.patches.n * universal.scale.cpu().double().square()
        return torch.stack([raw[part].sum() for part in universal.parts])

    def look_again(self, bands: Bands, *, on_progress: Progress) -> "StreamExamples":
        """The second pass, over the images that serve as examples: what each stream shows of them."""
        found = StreamExamples(bands, self._dictionary, n_patches=self._n_patches, file=self._folder / _HEATS)
        done = 0
        for images, patches in self.views.read(found.images):
            found.add(images, patches)
            done += len(images)
            on_progress(done, len(found.images), "examples by stream")
        return found


class StreamExamples:
    """Peak, its patch and the map of every stream for each example, in a file that is mapped into memory."""

    def __init__(self, bands: Bands, dictionary: TogetherDictionary, *, n_patches: int, file: Path) -> None:
        self._dictionary = dictionary
        n_streams = len(dictionary.universal.parts)
        chosen = [_firing_images(bands, concept) for concept in range(dictionary.n_concepts)]
        self._n_images = max((int(one.max(initial=-1)) for one in chosen), default=-1) + 1
        concept = np.repeat(np.arange(len(chosen)), [len(one) for one in chosen])
        self._keys = concept * self._n_images + np.concatenate(chosen)
        self.images: Int64[np.ndarray, " n"] = np.unique(np.concatenate(chosen))
        self._value = np.zeros((n_streams, len(self._keys)), dtype=np.float32)
        self._patch = np.zeros((n_streams, len(self._keys)), dtype=np.int32)
        shape = (n_streams, max(len(self._keys), 1), n_patches)
        self._heat = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
        self._silent: UInt8[np.ndarray, " p"] = np.zeros(n_patches, dtype=np.uint8)

    @torch.inference_mode()
    def add(self, images: Int64[np.ndarray, " n"], patches: Tensor) -> None:
        """Take in some of the images."""
        u = patches.flatten(0, 1).to(self._dictionary.mean)
        for stream, codes in enumerate(self._dictionary.codes_by_stream(u)):
            on_cpu = SparseCodes(codes.indices.cpu(), codes.values.cpu(), codes.n_concepts)
            pairs = make_pairs(images, *by_patch([on_cpu], n_images=len(images)))
            keys = pairs.concept * self._n_images + pairs.image
            row = np.searchsorted(self._keys, keys)
            chosen = np.flatnonzero(self._keys.take(row, mode="clip") == keys)
            self._value[stream, row[chosen]] = pairs.peak[chosen]
            self._patch[stream, row[chosen]] = pairs.peak_patch[chosen]
            self._heat[stream, row[chosen]] = pairs.heat(chosen)

    def seen_by(self, stream: int) -> Callable[[Example], Example]:
        """What stream 1, 2, ... shows of an example."""

        def view(example: Example) -> Example:
            row = self._find(example)
            value = 0.0 if row is None else float(self._value[stream - 1, row])
            return replace(
                example,
                stream=stream,
                patch=int(self._patch[stream - 1, row]) if value else None,
                value=value,
                percentile=None,
                likeness=None,
                heat=np.asarray(self._heat[stream - 1, row]) if value else self._silent,
            )

        return view

    def _find(self, example: Example) -> int | None:
        key = example.concept * self._n_images + example.image
        row = int(self._keys.searchsorted(key))
        return row if example.value > 0 and row < len(self._keys) and self._keys[row] == key else None


def _firing_images(bands: Bands, concept: int) -> Int64[np.ndarray, " n"]:
    """Images of all examples of a concept on which it fires, ascending."""
    images = {example.image for example in bands.examples(concept) if example.value > 0}
    return np.array(sorted(images), dtype=np.int64)
