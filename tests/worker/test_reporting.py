"""Progress that is never silent for long, on a terminal and elsewhere."""

import io
import time

import pytest
from rich.console import Console

from worker import reporting
from worker.reporting import Reporter, _line, _LineState


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


def test_a_line_tells_rate_and_time_left() -> None:
    assert _line(50, 400, "images", fresh=50, seconds=2.0) == "50/400 images, 25.0/s, 0:14 left"
    assert _line(1_000, 100_000, "tokens", fresh=500, seconds=1.0) == "1,000/100,000 tokens, 500.0/s, 3:18 left"
    assert _line(50, 400, "images", fresh=0, seconds=2.0) == "50/400 images"
    assert _line(0, 1, "loading the model", fresh=0, seconds=2.0) == "loading the model"


def test_the_rate_starts_anew_with_each_phase() -> None:
    state = _LineState(Reporter(Console(file=io.StringIO())), "train")
    state.tell(5, 10, "images")
    state.tell(9, 10, "images")
    total, _, first = state._phase
    assert (total, first) == (10, 5)
    state.tell(100, 4000, "tokens")
    total, _, first = state._phase
    assert (total, first) == (4000, 100)


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
