"""The identifiability benchmark on made-up collages: every object is one atom in some of the patches."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from worker.bench.collages import Collages
from worker.bench.identifiability import IdentifiabilityOptions, _bars, measure, pooled_codes
from worker.bench.results import Table
from worker.dictionaries.base import SparseCodes
from worker.progress import silent

N_OBJECTS, WIDTH, N_PATCHES = 8, 24, 8
SMALL = IdentifiabilityOptions(
    methods=("topk", "kmeans"),
    n_objects=N_OBJECTS,
    n_concepts=12,
    n_active=2,
    epochs=8,
    batch_tokens=64,
    dead_after_tokens=500,
    pooled_epochs=12,
    n_draws=2,
)


def made_up(n: int, *, seed: int) -> Collages:
    """Four objects per image, each in two of eight patches, with noise."""
    rng = np.random.default_rng(seed)
    atoms = functional.normalize(torch.randn(N_OBJECTS, WIDTH, generator=torch.Generator().manual_seed(0)), dim=1)
    drawn = np.stack([rng.choice(N_OBJECTS, 4, replace=False) for _ in range(n)])
    shown = np.zeros((n, N_OBJECTS), dtype=bool)
    np.put_along_axis(shown, drawn, values=True, axis=1)
    noise = torch.from_numpy(rng.normal(0, 0.1, (n, N_PATCHES, WIDTH))).float()
    return Collages(5 + 3 * atoms[torch.from_numpy(drawn)].repeat_interleave(2, dim=1) + noise, shown)


def test_dictionaries_tell_the_objects_and_the_floors_do_not() -> None:
    outcome = measure(SMALL, {"photos": (made_up(160, seed=1), made_up(160, seed=2))}, on_progress=silent)
    assert outcome.failures == []
    pooled, patches = outcome.tables
    for table in (pooled, patches):
        names = ["topk", "kmeans", "null: random atoms", "null: single dimensions"]
        assert [row["method"] for row in table.rows] == names
        for row in table.rows:
            assert abs(row["balanced_accuracy_floor"] - 0.5) < 0.1
            assert abs(row["auroc_floor"] - 0.5) < 0.1
            assert row["published_accuracy_floor"] >= 0.5  # of always saying no
            assert row["published_accuracy"] > row["published_accuracy_floor"]
    by_patch = {row["method"]: row for row in patches.rows}
    assert by_patch["topk"]["auroc"] > 0.95
    assert by_patch["topk"]["balanced_accuracy"] > 0.95
    assert by_patch["topk"]["auroc"] > by_patch["null: random atoms"]["auroc"]
    assert outcome.specs["topk, 8 concepts"]["spec"]["n_active"] == 4
    assert outcome.specs["topk, 12 concepts"]["spec"]["n_active"] == 2


def test_the_bar_sets_the_best_archetypal_kind_against_the_best_other() -> None:
    scores = {"topk": 0.9, "pca": 0.7, "archetypal": 0.6, "archetypal-dense": 0.95, "null: random atoms": 0.99}
    rows = [{"method": name, "auroc": value} for name, value in scores.items()]
    (bar,) = _bars(Table("Objects are photos; patches, 9 concepts", (), rows))
    assert bar.what == "AUROC, best of all archetypal kinds less best of the others (Objects are photos; patches)"
    assert bar.measured == pytest.approx(0.05)
    assert bar.met
    assert _bars(Table("", (), rows[:2])) == []


def test_codes_are_pooled_image_by_image() -> None:
    tokens = torch.arange(24.0).view(2, 3, 4)

    def encode(x: torch.Tensor) -> SparseCodes:
        return SparseCodes(torch.arange(2).expand(len(x), -1).contiguous(), x[:, :2], 5)

    expected = [[[0, 4, 8], [1, 5, 9]], [[12, 16, 20], [13, 17, 21]]]
    largest = pooled_codes(tokens, encode, pool="max")
    np.testing.assert_array_equal(largest[:, :2], np.max(expected, axis=2))
    np.testing.assert_array_equal(largest[:, 2:], 0)
    np.testing.assert_allclose(pooled_codes(tokens, encode, pool="mean")[:, :2], np.mean(expected, axis=2))
    np.testing.assert_array_equal(pooled_codes(tokens, None, pool="max"), tokens.amax(dim=1).numpy())
