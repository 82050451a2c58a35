"""Average precision and MonoSemanticity against their definitions, in loops over images and over pairs of images."""

import itertools

import numpy as np
import pytest
import torch
from jaxtyping import Float64, Int64
from scipy.sparse import csr_matrix
from sklearn.metrics import average_precision_score

from worker.metrics import labels as module
from worker.metrics.density import Usage
from worker.metrics.images import PooledImages
from worker.metrics.labels import average_precisions, best_concepts, mean_cosine, monosemanticity, probe_map

Codes = Float64[np.ndarray, "n K"]


def some_codes(n_images: int = 40, n_concepts: int = 6, *, seed: int = 0) -> Codes:
    """Codes of which most are 0 and many are equal; the last concept never fires."""
    random = np.random.default_rng(seed)
    codes = np.where(random.random((n_images, n_concepts)) < 0.4, random.integers(1, 5, (n_images, n_concepts)) / 4, 0)
    codes[:, -1] = 0
    return codes


def pooled(codes: Codes, *, first: int = 0) -> PooledImages:
    usage = Usage.empty(codes.shape[1])
    return PooledImages(torch.arange(len(codes)) + first, csr_matrix(codes), torch.zeros(len(codes), 2).double(), usage)


def average_precision(codes: list[float], positive: list[bool]) -> float:
    """By thresholds from the highest, each a step of recall times the precision above it."""
    total, recall = 0.0, 0.0
    for threshold in sorted(set(codes), reverse=True):
        above = [is_class for code, is_class in zip(codes, positive, strict=True) if code >= threshold]
        reached = sum(above) / sum(positive)
        total += (reached - recall) * sum(above) / len(above)
        recall = reached
    return total


def test_average_precisions_equal_their_literal_twins() -> None:
    codes = some_codes()
    classes = np.random.default_rng(1).integers(-1, 3, len(codes))
    found = average_precisions(csr_matrix(codes), classes, n_classes=3)
    for c, k in itertools.product(range(3), range(6)):
        expected = average_precision(codes[:, k].tolist(), (classes == c).tolist())
        assert found[c, k] == pytest.approx(expected)
        assert found[c, k] == pytest.approx(average_precision_score(classes == c, codes[:, k]))


def test_average_precision_of_silence_is_the_share_of_the_class() -> None:
    classes = np.array([0, 0, 1, -1])
    found = average_precisions(csr_matrix((4, 1)), classes, n_classes=2)
    np.testing.assert_allclose(found[:, 0], [0.5, 0.25])


@pytest.mark.parametrize("block_codes", [2**22, 1, 90])
def test_best_concepts_are_the_best_of_all(block_codes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_CODES", block_codes)
    codes, classes = some_codes(), np.random.default_rng(1).integers(0, 3, 40)
    every = average_precisions(csr_matrix(codes), classes, n_classes=3)
    found = best_concepts(csr_matrix(codes), classes, n_classes=3)
    np.testing.assert_array_equal(found.concepts, every.argmax(axis=1))
    np.testing.assert_allclose(found.precisions, every.max(axis=1))


def test_probe_is_chosen_on_training_images_and_scored_on_others() -> None:
    learn, judge = some_codes(60, seed=2), some_codes(50, seed=3)
    classes = torch.from_numpy(np.random.default_rng(4).integers(-1, 4, 110))
    classes[60:][classes[60:] == 3] = 0  # class 3 is in no held-out image
    found = probe_map(pooled(learn), pooled(judge, first=60), classes, seed=0)
    scores = []
    for c in range(3):
        known, of_class = (classes[:60] >= 0).numpy(), (classes[:60] == c).numpy()
        values = [average_precision(learn[known, k].tolist(), of_class[known].tolist()) for k in range(6)]
        best = int(np.argmax(values))
        known, of_class = (classes[60:] >= 0).numpy(), (classes[60:] == c).numpy()
        scores.append(average_precision(judge[known, best].tolist(), of_class[known].tolist()))
    assert found["probe_map"] == pytest.approx(sum(scores) / 3)


def test_probe_finds_concepts_that_are_classes_and_its_null_does_not() -> None:
    classes: Int64[np.ndarray, " n"] = np.random.default_rng(0).integers(0, 4, 300)
    codes = np.eye(6)[classes] + 0.5 * some_codes(300)
    found = probe_map(pooled(codes[:200]), pooled(codes[200:], first=200), torch.from_numpy(classes), seed=0)
    assert found["probe_map"] > 0.95
    assert 0.2 < found["probe_map_permuted"] < 0.4


@pytest.mark.parametrize("classes", [[-1] * 8, [0] * 8, [0, 0, 0, 0, 1, 1, 1, 1]])
def test_no_probe_without_classes_in_both_splits(classes: list[int]) -> None:
    codes = some_codes(8)
    assert probe_map(pooled(codes[:4]), pooled(codes[4:], first=4), torch.tensor(classes), seed=0) == {}


def unit_vectors(n: int, width: int = 5, *, seed: int = 0) -> torch.Tensor:
    return torch.nn.functional.normalize(
        torch.randn(n, width, generator=torch.Generator().manual_seed(seed)) + 0.3, dim=1
    )


def test_monosemanticity_equals_its_double_sum() -> None:
    codes, embeddings = some_codes(), unit_vectors(40)
    codes[:, 0] += 0.5  # fires on every image: its smallest code is not 0
    codes[:, 4] = 0
    codes[7, 4] = 2.0  # fires on one image
    found = monosemanticity(csr_matrix(codes), embeddings)
    for k in range(4):
        a = (codes[:, k] - codes[:, k].min()) / (codes[:, k].max() - codes[:, k].min())
        above = below = 0.0
        for n, m in itertools.combinations(range(40), 2):
            above += a[n] * a[m] * float(embeddings[n] @ embeddings[m])
            below += a[n] * a[m]
        assert found[k] == pytest.approx(above / below, abs=1e-6)
    assert np.isnan(found[4:]).all()


def test_images_alike_make_a_concept_monosemantic() -> None:
    embeddings = torch.eye(4)[[0, 0, 1, 1, 2, 3]]
    codes = np.array([[1, 2, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]], dtype=np.float64).T
    np.testing.assert_allclose(monosemanticity(csr_matrix(codes), embeddings), [1, 0, 1 / 3], atol=1e-12)


def test_null_is_the_mean_over_all_permutations() -> None:
    codes, embeddings = np.array([3.0, 1.0, 0.5, 0.0, 0.0]), unit_vectors(5)
    values = [
        float(monosemanticity(csr_matrix(codes[list(order)][:, None]), embeddings)[0])
        for order in itertools.permutations(range(5))
    ]
    assert mean_cosine(embeddings) == pytest.approx(sum(values) / len(values), abs=1e-6)
