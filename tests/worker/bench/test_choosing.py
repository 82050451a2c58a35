"""Scores of the best single concept against literal twins."""

import numpy as np
import pytest

from worker.bench.choosing import auroc, floor, published_accuracy, score


def half(seed: int, *, n: int = 40, n_concepts: int = 5, n_objects: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Codes with ties, and random labels of which concept 1 knows the first object and, turned, the second."""
    rng = np.random.default_rng(seed)
    shown = rng.random((n, n_objects)) < 0.4
    codes = np.maximum(rng.integers(-2, 3, (n, n_concepts)).astype(float), 0.0)
    codes[:, 1] = 3.0 * shown[:, 0] - 2.0 * shown[:, 1] + rng.random(n) * 2
    return codes, shown


def slow_auroc(values: np.ndarray, label: np.ndarray) -> float:
    pairs = [(a > b) + 0.5 * (a == b) for a in values[label] for b in values[~label]]
    return float(np.mean(pairs))


def slow_balanced(values: np.ndarray, label: np.ndarray, threshold: float, *, above: bool) -> float:
    said = values > threshold if above else values <= threshold
    return float((said[label].mean() + (~said)[~label].mean()) / 2)


def slow_rule(codes: np.ndarray, label: np.ndarray) -> float:
    """Highest balanced accuracy over all concepts, signs and thresholds between neighbouring codes."""
    best = 0.0
    for k in range(codes.shape[1]):
        values = np.unique(codes[:, k])
        for threshold in [*(values[:-1] + values[1:]) / 2, values[-1]]:
            for above in (True, False):
                best = max(best, slow_balanced(codes[:, k], label, float(threshold), above=above))
    return best


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    codes, shown = half(0)
    expected = [[slow_auroc(codes[:, k], shown[:, j]) for k in range(5)] for j in range(3)]
    np.testing.assert_allclose(auroc(codes, shown), expected)


def test_an_object_that_is_never_or_always_shown_tells_nothing() -> None:
    codes, shown = half(0)
    shown[:, 0], shown[:, 1] = True, False
    np.testing.assert_array_equal(auroc(codes, shown)[:2], 0.5)


def test_the_rule_is_the_best_of_the_train_half() -> None:
    """Scored on the half it was chosen on, it must reach what trying everything reaches."""
    train = half(0)
    expected = np.mean([slow_rule(train[0], train[1][:, j]) for j in range(3)])
    assert score(train, train).balanced_accuracy == pytest.approx(expected)


def test_what_is_scored_is_the_test_half() -> None:
    """The twin chooses on the train half, concept by concept, and scores that choice on the test half."""
    train, test = half(0, n=60), half(1, n=60)
    expected = []
    for j in range(3):
        tried = [slow_auroc(train[0][:, k], train[1][:, j]) for k in range(5)]
        k = int(np.argmax(np.abs(np.array(tried) - 0.5)))
        on_test = slow_auroc(test[0][:, k], test[1][:, j])
        expected.append(on_test if tried[k] >= 0.5 else 1 - on_test)
    assert score(train, test).auroc == pytest.approx(np.mean(expected))
    assert score(train, test).auroc != score(train, train).auroc


def test_a_concept_that_knows_its_object_scores_one_either_way_round() -> None:
    rng = np.random.default_rng(0)
    shown = rng.random((50, 2)) < 0.4
    codes = np.stack([shown[:, 0] * 1.0, 1.0 - shown[:, 1]], axis=1)
    found = score((codes, shown), (codes, shown))
    assert found.balanced_accuracy == 1
    assert found.auroc == 1


def test_published_accuracy_is_its_formula() -> None:
    codes, shown = half(2)
    expected = []
    for j in range(3):
        tried = [
            np.mean((codes[:, k] > np.percentile(codes[:, k], p)) == shown[:, j])
            for k in range(5)
            for p in range(1, 101)
        ]
        expected.append(max(tried))
    np.testing.assert_allclose(published_accuracy(codes, shown), expected)


def test_the_floor_of_codes_that_know_all_is_about_chance() -> None:
    rng = np.random.default_rng(0)
    shown = rng.random((400, 4)) < 0.25
    codes = shown.astype(float)
    found = floor((codes, shown), (codes, shown), n_draws=5, seed=0)
    assert found.balanced_accuracy == pytest.approx(0.5, abs=0.03)
    assert found.auroc == pytest.approx(0.5, abs=0.03)
    assert found.published_accuracy >= 0.7  # of always saying no
    assert found == floor((codes, shown), (codes, shown), n_draws=5, seed=0)
