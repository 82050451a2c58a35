"""The bench command: what it prints, keeps and writes into a document."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from store.errors import NotFound
from worker.cli import app
from worker.cli.benching import with_section

TINY = ["methods=topk,pca", "n_atoms=16", "width=12", "n_active=2", "n_tokens=2000", "n_fresh=500", "epochs=2"]


def test_a_section_is_replaced_in_its_place_or_added() -> None:
    text = "# T\n\nintro\n\n## A\n\nold\n\n## B\n\nkept\n"
    assert with_section(text, "## A\n\nnew\n") == "# T\n\nintro\n\n## A\n\nnew\n\n## B\n\nkept\n"
    assert with_section(text, "## B\n\nnew\n") == "# T\n\nintro\n\n## A\n\nold\n\n## B\n\nnew\n"
    assert with_section(text, "## C\n\nmore\n") == text + "\n## C\n\nmore\n"
    assert with_section(with_section(text, "## A\n\nx\n"), "## A\n\nx\n") == with_section(text, "## A\n\nx\n")


def test_benchmarks_are_listed() -> None:
    told = CliRunner().invoke(app, ["bench"]).stdout
    assert all(name in told for name in ("planted", "identifiability", "stability", "plausibility", "peers"))


def test_unknown_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="named 'method'. Near: methods"):
        CliRunner().invoke(
            app, ["bench", "planted", "--set", "method=topk", "--store", str(tmp_path)], catch_exceptions=False
        )


def test_a_benchmark_prints_keeps_and_writes_its_section(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text("# Benchmarks\n\n## Planted dictionary\n\nold\n\n## Last\n\nkept\n")
    options = [part for text in TINY for part in ("--set", text)]
    command = ["bench", "planted", *options, "--docs", str(document), "--store", str(tmp_path)]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    kept = json.loads((tmp_path / "benchmarks" / "planted.json").read_text())
    assert kept["options"]["n_atoms"] == 16
    assert kept["options"]["methods"] == ["topk", "pca"]
    assert not kept["failures"]
    written = document.read_text()
    assert "\n\nold\n" not in written
    assert written.endswith("## Last\n\nkept\n")
    assert "conceptoscope bench planted" in written
    assert "| topk |" in written
    assert "| topk |" in done.stdout
