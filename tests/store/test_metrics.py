"""Metric definitions: complete, unique, without torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from store.errors import NotFound
from store.metrics import METRICS, get_metric


def test_definitions_are_complete() -> None:
    for key, metric in METRICS.items():
        assert metric.key == key
        assert get_metric(key) is metric
        assert metric.label
        assert metric.definition.endswith(".")
        assert metric.low is None or metric.high is None or metric.low < metric.high
        assert metric.null is None or metric.null in METRICS


def test_labels_are_unique() -> None:
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)


def test_unknown_metric_names_the_near_ones() -> None:
    with pytest.raises(NotFound, match="r2"):
        get_metric("r3")


def test_definitions_need_no_torch() -> None:
    code = "import sys, store.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_document_holds_every_definition_word_for_word() -> None:
    document = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [key for key, metric in METRICS.items() if metric.definition not in document] == []
