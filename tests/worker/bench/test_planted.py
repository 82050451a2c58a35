"""The planted benchmark: small in every run, at its real size when asked."""

from typing import Any

import pytest

from store.settings import Settings
from worker.bench.registry import run
from worker.dictionaries.registry import METHODS

SMALL = {
    "n_atoms": 48,
    "width": 32,
    "n_active": 3,
    "n_concepts": 64,
    "n_tokens": 6000,
    "n_fresh": 1000,
    "epochs": 12,
    "batch_tokens": 192,
    "lr": 0.02,
}


def rows_of(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["method"]: row for row in result["tables"][0]["rows"]}


def test_topk_finds_the_planted_atoms_and_what_knows_nothing_does_not() -> None:
    result = run("planted", Settings(), options={**SMALL, "methods": ("topk",)})
    rows = rows_of(result)
    assert rows["topk"]["mcc"] > 0.95
    assert rows["topk"]["recovered_share"] > 0.9
    assert rows["topk"]["f1"] > 0.75
    assert rows["topk"]["r2"] > 0.7
    assert rows["null: random atoms"]["mcc"] < 0.6
    assert rows["null: tokens as atoms"]["mcc"] < 0.8
    assert rows["the known atoms, largest products"]["mcc"] == pytest.approx(1.0, abs=1e-5)
    assert [(bar["met"], bar["measured"]) for bar in result["bars"]] == [(True, rows["topk"]["mcc"])]


@pytest.mark.slow
def test_the_bars_of_the_full_size_are_met() -> None:
    result = run("planted", Settings(), options={"methods": ("topk", "batchtopk", "archetypal")})
    assert [bar for bar in result["bars"] if not bar["met"]] == []
    assert len(result["bars"]) == 3


@pytest.mark.slow
def test_every_method_takes_part() -> None:
    result = run("planted", Settings(), options=SMALL)
    assert result["failures"] == []
    assert set(METHODS) <= set(rows_of(result))
