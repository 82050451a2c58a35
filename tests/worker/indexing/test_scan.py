"""Totals, removals, pool, bands, neighbours and badges against slow literal twins on a small dictionary."""

import numpy as np
import pytest
import torch

from store.methods import TopKSpec
from store.specs import AtlasSpec
from store.vocabulary import Badge, Band, Neighbors
from worker.dictionaries.base import Dictionary
from worker.dictionaries.registry import make_dictionary
from worker.indexing.badges import find_badges, position_entropy
from worker.indexing.bands import INTERVALS, Bands, Example
from worker.indexing.neighbors import neighbor_lists
from worker.indexing.scan import Scan, encode_images, scan_tokens
from worker.indexing.totals import bin_edges

N_IMAGES, N_PATCHES, WIDTH, N_CONCEPTS, N_CLASSES = 60, 8, 5, 12, 3


def make_small_dictionary() -> Dictionary:
    dictionary = make_dictionary(TopKSpec(n_concepts=N_CONCEPTS, n_active=3), WIDTH)
    generator = torch.Generator().manual_seed(1)
    sample = torch.randn(400, WIDTH, generator=generator)
    dictionary.mean.copy_(torch.randn(WIDTH, generator=generator))
    dictionary.scale.fill_(1.7)
    dictionary.start_from(sample, generator=generator, on_iteration=lambda *_: None)
    dictionary.settle()
    with torch.no_grad():
        dictionary.encoder_bias[0] = -1e6  # a dead concept
        dictionary.encoder_bias[1] = 3.0  # a dense one
    return dictionary.eval()


class Small:
    """A scanned small collection, and the same codes dense, by the slow way."""

    def __init__(self, n_per_shard: int, **changes: int) -> None:
        self.dictionary = make_small_dictionary()
        self.tokens = torch.randn(N_IMAGES, N_PATCHES, WIDTH, generator=torch.Generator().manual_seed(2)) * 1.5
        self.classes = np.arange(N_IMAGES) % (N_CLASSES + 1) - 1
        spec = AtlasSpec(n_examples=9, n_reservoir=16, n_pool=16, n_neighbors=4).model_copy(update=changes)
        self.scan = Scan(spec, N_CONCEPTS, N_PATCHES, WIDTH, classes=self.classes, n_classes=N_CLASSES)
        shards = (
            (np.arange(start, min(start + n_per_shard, N_IMAGES)), self.tokens[start : start + n_per_shard])
            for start in range(0, N_IMAGES, n_per_shard)
        )
        scan_tokens(
            self.scan,
            self.dictionary,
            shards,
            n_images=N_IMAGES,
            on_progress=lambda *_: None,
            on_pairs=lambda *_: None,
        )
        codes = self.dictionary.encode(self.tokens.reshape(-1, WIDTH))
        self.codes = codes.dense().reshape(N_IMAGES, N_PATCHES, N_CONCEPTS).numpy()


@pytest.fixture(scope="module")
def small() -> Small:
    return Small(7)


def test_totals_equal_sums_over_dense_codes(small: Small) -> None:
    totals, codes = small.scan.totals, small.codes
    flat = codes.reshape(-1, N_CONCEPTS)
    assert totals.n_tokens == len(flat)
    assert np.array_equal(totals.count, (flat > 0).sum(axis=0))
    assert np.allclose(totals.total, flat.sum(axis=0), rtol=1e-6)
    assert np.array_equal(totals.largest, flat.max(axis=0))
    assert np.array_equal(totals.n_firing_images, (codes.max(axis=1) > 0).sum(axis=0))
    assert np.allclose(totals.position, codes.sum(axis=0).T, rtol=1e-6)
    for k in range(N_CONCEPTS):
        firing = codes[:, :, k].max(axis=1) > 0
        assert totals.size_sum[k] == pytest.approx((codes[firing, :, k] > 0).mean(axis=1).sum())
        for c in range(N_CLASSES):
            pooled = codes[small.classes == c, :, k].mean(axis=1)
            assert totals.class_sum[k, c] == pytest.approx(pooled.sum(), rel=1e-5)
            assert totals.class_square[k, c] == pytest.approx((pooled**2).sum(), rel=1e-5)
            assert totals.class_firing[k, c] == (pooled > 0).sum()


def test_histograms_hold_every_value_in_its_bin(small: Small) -> None:
    edges = bin_edges()
    for k in range(N_CONCEPTS):
        patches = small.codes[:, :, k]
        expected = np.histogram(patches[patches > 0], bins=edges)[0]
        assert np.array_equal(small.scan.totals.patch_bins[k], expected)
        peaks = patches.max(axis=1)
        assert np.array_equal(small.scan.totals.image_bins[k], np.histogram(peaks[peaks > 0], bins=edges)[0])


def test_removal_is_the_error_that_each_concept_saves(small: Small) -> None:
    x = small.tokens.reshape(-1, WIDTH).double()
    mean, atoms = small.dictionary.mean.double(), small.dictionary.atoms.double()
    z = torch.from_numpy(small.codes.reshape(-1, N_CONCEPTS)).double()
    whole = (x - mean - z @ atoms).square().sum()
    for k in range(N_CONCEPTS):
        without = z.clone()
        without[:, k] = 0
        added = (x - mean - without @ atoms).square().sum() - whole
        assert small.scan.totals.removal[k] == pytest.approx(float(added), rel=1e-3, abs=1e-2)
    assert small.scan.n_variance == pytest.approx(float((x - mean).square().sum()), rel=1e-5)


def test_the_scan_does_not_depend_on_the_shards(small: Small) -> None:
    other = Small(60)
    assert np.array_equal(other.scan.top.image, small.scan.top.image) or all(
        np.array_equal(
            other.scan.top.image[k][other.scan.top.sorted_rows(k)],
            small.scan.top.image[k][small.scan.top.sorted_rows(k)],
        )
        for k in range(N_CONCEPTS)
    )
    assert np.array_equal(other.scan.pool.images, small.scan.pool.images)
    assert np.allclose(other.scan.firing_mean, small.scan.firing_mean, rtol=1e-4, atol=1e-5)


def test_the_pool_is_a_bounded_sample_with_all_codes(small: Small) -> None:
    images = small.scan.pool.images
    assert len(images) == 16
    peaks = small.scan.pool.peaks(N_CONCEPTS)
    assert np.array_equal(peaks, small.codes[images].max(axis=1))
    mean = small.tokens.mean(dim=1).numpy() - small.dictionary.mean.numpy()
    assert np.allclose(small.scan.pool.descriptors, mean[images], atol=1e-5)
    assert small.scan.pool.find(int(images[0]), 0) is None


def examples_of(small: Small, concept: int, band: Band) -> list[Example]:
    return [e for e in Bands(small.scan).examples(concept) if e.band is band]


def test_top_examples_are_the_images_with_the_largest_peaks(small: Small) -> None:
    for k in range(1, N_CONCEPTS):
        peaks = small.codes[:, :, k].max(axis=1)
        order = sorted(np.flatnonzero(peaks > 0), key=lambda i: (-peaks[i], i))[:9]
        found = examples_of(small, k, Band.TOP)
        assert [e.image for e in found] == order
        assert [e.rank for e in found] == list(range(len(found)))
        for e in found:
            column = small.codes[e.image, :, k]
            assert e.patch == column.argmax()
            assert np.array_equal(e.heat, np.rint(column / column.max() * 255).astype(np.uint8))


def test_bands_hold_examples_of_their_interval() -> None:
    small = Small(9, n_reservoir=64)  # the sample then holds every firing image
    bands = Bands(small.scan)
    for k in range(1, N_CONCEPTS):
        peaks = small.codes[:, :, k].max(axis=1)
        firing = peaks[peaks > 0].astype(np.float64)
        assert np.allclose(bands.quantiles(k), np.quantile(firing, (0.5, 0.75, 0.95, 0.99)))
        for band, (low, high) in INTERVALS.items():
            lower, upper = (np.quantile(firing, low) if low else 0.0), np.quantile(firing, high)
            inside = int(((firing >= lower) & (firing < upper)).sum())
            found = examples_of(small, k, band)
            assert len(found) == min(inside, 9)
            assert all(lower <= e.value < upper for e in found)
            assert all(e.percentile == pytest.approx((firing <= e.value).mean()) for e in found)


def test_near_misses_are_silent_and_sorted_by_likeness(small: Small) -> None:
    descriptors = small.tokens.mean(dim=1).numpy() - small.dictionary.mean.numpy()
    pool = small.scan.pool.images
    n_found = 0
    for k in range(1, N_CONCEPTS):
        weights = small.codes[:, :, k].mean(axis=1)
        firing = (weights[:, None] * descriptors).sum(axis=0)
        cosine = {
            int(i): float(descriptors[i] @ firing / np.linalg.norm(descriptors[i]) / np.linalg.norm(firing))
            for i in pool
            if small.codes[i, :, k].max() == 0
        }
        expected = [i for i in sorted(cosine, key=lambda i: -cosine[i]) if cosine[i] > 0][:9]
        found = examples_of(small, k, Band.NEAR_MISS)
        n_found += len(found)
        assert [e.image for e in found] == expected
        assert all(e.value == 0 and e.patch is None and not e.heat.any() for e in found)
    assert n_found


def test_a_dead_concept_has_random_examples_only(small: Small) -> None:
    bands = {e.band for e in Bands(small.scan).examples(0)}
    assert bands == {Band.RANDOM}


def test_neighbours_equal_brute_force(small: Small) -> None:
    atoms = small.dictionary.atoms.detach().numpy()
    lists = neighbor_lists(small.scan, atoms, n=4)
    unit = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = small.codes[small.scan.pool.images].reshape(-1, N_CONCEPTS).astype(np.float64)
    norms = np.maximum(np.linalg.norm(codes, axis=0), 1e-12)
    tops = [set(small.scan.top.image[k][small.scan.top.sorted_rows(k)].tolist()) for k in range(N_CONCEPTS)]
    jaccard = np.array([[len(a & b) / max(len(a | b), 1) for b in tops] for a in tops])
    twins = {
        Neighbors.DECODER: unit @ unit.T,
        Neighbors.ANTIPODAL: -(unit @ unit.T),
        Neighbors.COACTIVATION: codes.T @ codes / norms[:, None] / norms[None, :],
        Neighbors.EXAMPLES: jaccard,
    }
    for kind, similarity in twins.items():
        others, values = lists[kind]
        sign = -1.0 if kind is Neighbors.ANTIPODAL else 1.0
        for k in range(N_CONCEPTS):
            candidates = [j for j in range(N_CONCEPTS) if j != k and similarity[k, j] > 0]
            best = sorted((float(similarity[k, j]) for j in candidates), reverse=True)[:4]
            assert np.allclose(sorted(sign * values[k][others[k] >= 0], reverse=True), best, atol=1e-5)
            assert all(
                similarity[k, j] == pytest.approx(sign * v, abs=1e-5)
                for j, v in zip(others[k], values[k], strict=True)
                if j >= 0
            )


def test_badges_name_dead_dense_narrow_and_duplicate_concepts(small: Small) -> None:
    totals = Small(7).scan.totals
    totals.position[2] = 0
    totals.position[2, 3] = 10.0
    atoms = small.dictionary.atoms.detach().numpy().copy()
    atoms[4] = atoms[5] * 3
    lists = neighbor_lists(small.scan, atoms, n=4)
    entropy = position_entropy(totals.position)
    found = find_badges(
        totals, entropy=entropy, decoder=lists[Neighbors.DECODER], coactivation=lists[Neighbors.COACTIVATION]
    )
    by = {(e.concept, e.badge) for e in found}
    assert (0, Badge.DEAD) in by
    assert (1, Badge.DENSE) in by
    assert (2, Badge.POSITION_ONLY) in by
    duplicates = [e for e in found if e.badge is Badge.DUPLICATE and {e.concept, e.other} == {4, 5}]
    assert len(duplicates) == 1
    assert totals.total[duplicates[0].concept] <= totals.total[duplicates[0].other]
    assert not any(e.badge is Badge.DEAD for e in found if totals.count[e.concept])


def test_position_entropy_spans_zero_to_one() -> None:
    position = np.array([[1.0, 1.0, 1.0, 1.0], [5.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert position_entropy(position) == pytest.approx([1.0, 0.0, 0.0])


def test_encoding_in_small_blocks_gives_the_same(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, removal, variance = encode_images(small.dictionary, np.arange(10), small.tokens[:10])
    monkeypatch.setattr("worker.indexing.scan._TOKENS_AT_ONCE", 3)
    parts, removal_of_parts, variance_of_parts = encode_images(small.dictionary, np.arange(10), small.tokens[:10])
    assert np.array_equal(whole.indices.max(axis=2), parts.indices.max(axis=2))
    assert np.allclose(whole.values.sum(axis=2), parts.values.sum(axis=2), atol=1e-4)
    assert np.allclose(removal, removal_of_parts, rtol=1e-4, atol=1e-3)
    assert variance == pytest.approx(variance_of_parts)
