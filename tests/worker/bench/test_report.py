"""Results are plain JSON, and their Markdown is a table that says what it is."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from store.errors import NotFound
from store.settings import Settings
from worker.bench.registry import BENCHMARKS, run
from worker.bench.report import command, markdown
from worker.dictionaries.registry import METHODS

TINY = {"n_atoms": 24, "width": 16, "n_active": 2, "n_tokens": 4000, "n_fresh": 500, "epochs": 8, "batch_tokens": 128}


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return run("planted", Settings(), options={**TINY, "methods": ("topk",)})


def test_a_result_survives_json_and_carries_what_made_it(result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(result, allow_nan=False)) == json.loads(json.dumps(result))
    assert result["changed"] == {**TINY, "methods": ["topk"]}
    assert result["options"]["lr"] == 0.01
    assert result["seeds"] == [0]
    assert len(result["specs"]["topk"]["digest"]) == 64
    assert {"processor", "cores", "threads", "python", "torch"} <= set(result["machine"])
    assert result["seconds"] > 0


def test_harder_tokens_have_a_heading_of_their_own(result: dict[str, Any]) -> None:
    assert markdown(result).startswith("## Planted dictionary\n")
    harder = {"n_atoms": 80, "noise": 0.1, "tail": 0.5, "epochs": 1}
    other = run("planted", Settings(), options={**TINY, **harder, "methods": ("pca",)})
    assert markdown(other).startswith("## Planted dictionary: 80 atoms, noise 0.1, tail 0.5\n")


def test_the_same_options_give_the_same_numbers(result: dict[str, Any]) -> None:
    again = run("planted", Settings(), options=result["changed"])
    assert again["tables"][0]["rows"][0]["mcc"] == result["tables"][0]["rows"][0]["mcc"]
    assert again["specs"] == result["specs"]


def test_markdown_has_a_row_for_each_method_and_names_the_command(result: dict[str, Any]) -> None:
    text = markdown(result)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert rows[0].startswith("| method | MCC |")
    (topk,) = [line for line in rows if line.startswith("| topk |")]
    assert f"{result['tables'][0]['rows'][0]['mcc']:.3f}" in topk
    assert command(result) in text
    assert "--set methods=topk" in command(result)
    assert "--set n_atoms=24" in command(result)
    assert result["specs"]["topk"]["digest"][:8] in text


def example(**changes: Any) -> dict[str, Any]:
    columns = [
        {"key": "method", "label": "method", "digits": 3, "percent": False},
        {"key": "share", "label": "share", "digits": 1, "percent": True},
        {"key": "speed", "label": "speed", "digits": 0, "percent": False},
        {"key": "nobody", "label": "nobody", "digits": 3, "percent": False},
    ]
    rows = [{"method": "a", "share": 0.125, "speed": 12345.6}, {"method": "b", "speed": float("nan")}]
    machine = {
        "processor": "P",
        "cores": 2,
        "threads": 1,
        "memory_gib": 4.0,
        "accelerator": None,
        "python": "3",
        "torch": "2",
        "conceptoscope": "0",
    }
    return {
        "benchmark": "x",
        "title": "X",
        "about": "About.",
        "made_at": "2026-01-02T03:04:05+00:00",
        "seconds": 1.0,
        "machine": machine,
        "changed": {},
        "seeds": [0, 1],
        "specs": {},
        "tables": [{"title": "T", "columns": columns, "rows": rows, "note": "Note."}],
        "bars": [],
        "notes": [],
        "failures": [],
        **changes,
    }


def test_shares_are_percent_numbers_grouped_and_what_is_missing_is_empty() -> None:
    lines = markdown(example()).splitlines()
    assert "| method | share | speed |" in lines
    assert "| a | 12.5 % | 12,346 |" in lines
    assert "| b |  |  |" in lines
    assert "Note." in lines


def test_bars_that_are_not_met_and_failures_are_plain_to_see() -> None:
    bars = [
        {"what": "one", "bar": 0.5, "measured": 0.75, "met": True},
        {"what": "two", "bar": 0.5, "measured": 0.25, "met": False},
    ]
    text = markdown(example(bars=bars, failures=[{"name": "nmf", "error": "it broke"}]))
    assert "Bar 0.5: one 0.750 (met); two 0.250 (NOT met)." in text
    assert "* nmf: it broke" in text
    bars[1]["bar"] = 0.0
    assert "| two | 0.250 | 0 | NO |" in markdown(example(bars=bars))


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(NotFound, match="planted"):
        run("plant", Settings())
    with pytest.raises(ValidationError, match="n_atomz"):
        run("planted", Settings(), options={"n_atomz": 3})


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_says_what_it_is(name: str) -> None:
    benchmark = BENCHMARKS[name]
    assert benchmark.about.endswith(".")
    assert set(benchmark.options().methods) <= set(METHODS)
    assert 0 < benchmark.minutes < 60
