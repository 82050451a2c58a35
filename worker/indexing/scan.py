"""The one pass over the tokens: encode, group, and feed totals, lists and pool."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

from store.specs import AtlasSpec
from worker.dictionaries.base import Dictionary, SparseCodes
from worker.dictionaries.sparse import paired_products
from worker.indexing.pairs import Pairs, make_pairs
from worker.indexing.pool import Pool
from worker.indexing.slots import Slots, priority
from worker.indexing.totals import Totals

_TOKENS_AT_ONCE = 8192
Progress = Callable[[int, int, str], None]
Encode = Callable[[Tensor], SparseCodes]
Shards = Iterator[tuple[Int64[np.ndarray, " n"], Float[Tensor, "n p d"]]]


@dataclass(frozen=True)
class Encoded:
    """A batch of images with the codes of all their patches."""

    images: Int64[np.ndarray, " n"]
    indices: Int64[np.ndarray, "n p a"]
    values: Float32[np.ndarray, "n p a"]
    descriptors: Float32[np.ndarray, "n d"]


@dataclass
class Scan:
    """Everything that the pass gathers; memory is O(concepts x examples + pool)."""

    spec: AtlasSpec
    n_concepts: int
    n_patches: int
    width: int
    classes: Int64[np.ndarray, " N"]  # class index of every image of the collection, -1 = none
    n_classes: int
    totals: Totals = field(init=False)
    top: Slots = field(init=False)
    sample: Slots = field(init=False)
    pool: Pool = field(init=False)
    firing_mean: Float64[np.ndarray, "K d"] = field(init=False)
    n_variance: float = 0.0

    def __post_init__(self) -> None:
        """Allocate the parts."""
        spec, k, p = self.spec, self.n_concepts, self.n_patches
        self.totals = Totals(k, p, self.n_classes)
        self.top = Slots(k, spec.n_examples, n_patches=p)
        self.sample = Slots(k, spec.n_reservoir, n_patches=p)
        self.pool = Pool(spec.n_pool, seed=spec.seed)
        self.firing_mean = np.zeros((k, self.width))

    def add(self, encoded: Encoded) -> Pairs:
        """Take in a batch; returns its pairs."""
        pairs = make_pairs(encoded.images, encoded.indices, encoded.values)
        classes = self.classes[encoded.images]
        self.totals.add(pairs, n_images=len(encoded.images), classes=classes, class_of=self.classes[pairs.image])
        self.top.offer(pairs, pairs.peak.astype(np.float64))
        self.sample.offer(pairs, priority(pairs.image, pairs.concept, seed=self.spec.seed))
        self.pool.add(pairs, encoded.images, encoded.descriptors)
        self._add_descriptors(pairs, encoded)
        return pairs

    def add_removals(self, removal: Float64[np.ndarray, " K"], *, variance: float) -> None:
        """Add a batch's increase of squared error per removed concept, and its squared distance to the mean."""
        self.totals.removal += removal
        self.n_variance += variance

    def _add_descriptors(self, pairs: Pairs, encoded: Encoded) -> None:
        weights = np.zeros((len(encoded.images), self.n_concepts), dtype=np.float32)
        weights[np.searchsorted(encoded.images, pairs.image), pairs.concept] = pairs.pooled
        self.firing_mean += weights.T @ encoded.descriptors


def scan_tokens(
    scan: Scan,
    dictionary: Dictionary,
    shards: Shards,
    *,
    n_images: int,
    on_progress: Progress,
    on_pairs: Callable[[Encoded, Pairs], None],
    encode: Encode | None = None,
) -> None:
    """Encode all shards and gather their evidence; ``on_pairs`` gets every batch, to write what is kept per image.

    ``encode`` stands in for the dictionary's own, where somebody listens.
    """
    done = 0
    for images, patches in shards:
        encoded, removal, variance = encode_images(dictionary, images, patches, encode=encode)
        scan.add_removals(removal, variance=variance)
        on_pairs(encoded, scan.add(encoded))
        done += len(images)
        on_progress(done, n_images, "images encoded")


@torch.inference_mode()
def encode_images(
    dictionary: Dictionary,
    images: Int64[np.ndarray, " n"],
    patches: Float[Tensor, "n p d"],
    *,
    encode: Encode | None = None,
) -> tuple[Encoded, Float64[np.ndarray, " K"], float]:
    """Codes of a batch, the error that the removal of each concept would add, and the batch's total variance.

    Removing concept k from the reconstruction of a token with residual r adds ``z_k^2 |d_k|^2 + 2 z_k <r, d_k>`` to its
    squared error (expand ``|r + z_k d_k|^2 - |r|^2``); summed over tokens here.
    """
    n, p, d = patches.shape
    device = dictionary.mean.device
    parts: list[SparseCodes] = []
    removal = torch.zeros(dictionary.n_concepts, dtype=torch.float64, device=device)
    variance = 0.0
    atoms = dictionary.atoms
    squares = atoms.square().sum(dim=1)
    for tokens in torch.split(patches.reshape(n * p, d), _TOKENS_AT_ONCE):
        x = tokens.to(device, torch.float32)
        codes = (encode or dictionary.encode)(x)
        z = codes.values
        products = paired_products(x - dictionary.decode(codes), atoms, indices=codes.indices)
        added = z.square() * squares[codes.indices] + 2 * z * products
        removal.index_add_(0, codes.indices.flatten(), added.flatten().double())
        variance += float((x - dictionary.mean).double().square().sum())
        parts.append(SparseCodes(codes.indices.cpu(), z.cpu(), codes.n_concepts))
    mean = patches.to("cpu", torch.float32).mean(dim=1) - dictionary.mean.cpu()
    encoded = Encoded(images, *by_patch(parts, n_images=n), descriptors=mean.numpy())
    return encoded, removal.cpu().numpy(), variance


def by_patch(
    parts: Sequence[SparseCodes], *, n_images: int
) -> tuple[Int64[np.ndarray, "n p a"], Float32[np.ndarray, "n p a"]]:
    """Indices and values of the codes of whole images that were encoded part by part."""
    found = SparseCodes.joined(parts)
    shape = (n_images, len(found.indices) // n_images, -1)
    return found.indices.reshape(shape).numpy(), found.values.reshape(shape).numpy()
