"""A secret is written once, for nobody else to read."""

from pathlib import Path

import pytest

from worker.cli.operating import secret


def test_a_secret_is_written_once_and_only_its_owner_can_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ".secrets" / "conceptoscope_encoder_secret"
    secret(file)
    first = file.read_text()
    assert len(first.strip()) >= 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    secret(file)
    assert file.read_text() == first
    secret(tmp_path / "other")
    assert (tmp_path / "other").read_text() != first
    assert first.strip() not in capsys.readouterr().out
