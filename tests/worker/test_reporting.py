"""Progress that is never silent for long, on a terminal and elsewhere."""

import io
import time

import pytest
from rich.console import Console

from worker import reporting
from worker.reporting import Reporter


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def test_lines_are_told_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "LINE_EVERY_S", 0.02)
    out = io.StringIO()
    with Reporter(Console(file=out)).job("extract x") as tell:
        tell(0, 1, "loading the model")
        time.sleep(0.15)
    told = lines(out.getvalue())
    assert told.count("extract x: loading the model") >= 3
    assert told[-1].startswith("extract x: done in ")


def test_a_terminal_gets_a_bar() -> None:
    out = io.StringIO()
    with Reporter(Console(file=out, force_terminal=True, width=120)).job("index z") as tell:
        tell(3, 10, "concepts")
    assert "index z" in out.getvalue()
    assert "3/10" in out.getvalue()


def test_a_failing_job_is_not_called_done() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="boom"), Reporter(Console(file=out)).job("index z"):
        raise ValueError("boom")
    assert "done" not in out.getvalue()
