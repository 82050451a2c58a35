"""The stability benchmark on planted photos, where two good trainings must agree."""

import pytest
import torch

from tests.worker.bench.small import planted_photos
from tests.worker.dictionaries.planted import COMMON
from worker.bench.stability import StabilityOptions, measure, subset
from worker.progress import silent

SMALL = StabilityOptions(
    methods=("topk", "kmeans"), n_runs=3, **COMMON | {"epochs": 16, "lr": 2e-2, "dead_after_tokens": 300}
)


def test_runs_on_other_photos_find_the_planted_atoms_again_and_chance_does_not() -> None:
    outcome = measure(SMALL, planted_photos(), on_progress=silent)
    assert outcome.failures == []
    (topk, kmeans) = outcome.tables[0].rows
    assert topk["method"] == "topk"
    assert topk["stability"] > 0.7
    assert topk["stability"] > kmeans["stability"]
    assert topk["stability_random_atoms"] < 0.5
    assert topk["stability_uncentred"] >= 0.9  # the shared mean of 10 flatters everything
    assert topk["stability_uncentred_random_atoms"] > topk["stability_random_atoms"]
    assert topk["r2"] > 0.8
    assert 0 <= topk["dead_share"] < 0.2
    assert topk["stability_spread"] > 0
    assert outcome.seeds == [0, 1, 2]


def test_runs_that_do_not_differ_agree_completely() -> None:
    """The whole of the photos, and a method without chance: what is compared is the same dictionary."""
    options = SMALL.model_copy(update={"methods": ("pca",), "share": 1.0, "n_runs": 2, "epochs": 2})
    (pca,) = measure(options, planted_photos(), on_progress=silent).tables[0].rows
    assert pca["stability"] == pytest.approx(1.0, abs=1e-4)


def test_ours_is_held_against_the_kmeans_start() -> None:
    options = SMALL.model_copy(update={"methods": ("topk", "archetypal"), "n_runs": 2, "n_candidates": 64})
    outcome = measure(options, planted_photos(), on_progress=silent)
    scores = {row["method"]: row for row in outcome.tables[0].rows}
    gained, cost = outcome.bars
    assert gained.measured == scores["archetypal"]["stability"] - scores["topk"]["stability"]
    assert gained.met == (gained.measured >= 0.02)
    assert cost.measured == scores["archetypal"]["r2"] - scores["topk"]["r2"]
    assert cost.met == (cost.measured >= -0.01)


def test_a_method_that_fails_is_told_and_its_runs_counted() -> None:
    told: list[tuple[int, int]] = []
    options = SMALL.model_copy(update={"n_concepts": 2000, "methods": ("topk",), "n_runs": 2, "epochs": 1})
    outcome = measure(options, planted_photos(), on_progress=lambda done, total, _: told.append((done, total)))
    assert outcome.tables[0].rows == []
    assert outcome.failures[0]["name"] == "topk"
    assert "lower n_concepts" in outcome.failures[0]["error"]
    assert told


def test_a_run_sees_its_share_of_the_photos() -> None:
    images = torch.arange(100, 200)
    first, second = (subset(images, share=0.7, seed=seed) for seed in (0, 1))
    assert len(first) == len(set(first.tolist())) == 70
    assert set(first.tolist()) < set(images.tolist())
    assert not torch.equal(first, second)
    assert torch.equal(first, subset(images, share=0.7, seed=0))
