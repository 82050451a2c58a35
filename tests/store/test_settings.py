"""Settings come from the caller, the environment and files, in this order; secrets are never shown."""

from pathlib import Path
from typing import Any

import pytest

from store.errors import InvalidInput
from store.settings import Settings, environment_with

SECRET = "s3cr:t/@?#%"
QUOTED = "s3cr%3At%2F%40%3F%23%25"
PLACE = "postgresql://us@database/concepts"


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONCEPTOSCOPE_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_file_gives_what_no_variable_says(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "conceptoscope_s3_secret_key").write_text(f"{SECRET}\n")
    (secrets / "conceptoscope_s3_access_key").write_text("from the file")
    monkeypatch.setenv("CONCEPTOSCOPE_S3_ACCESS_KEY", "from the variable")
    found = Settings()
    assert found.s3_secret_key is not None
    assert found.s3_access_key is not None
    assert found.s3_secret_key.get_secret_value() == SECRET
    assert found.s3_access_key.get_secret_value() == "from the variable"
    assert SECRET not in repr(found)
    assert found.secrets_dir == secrets


def test_what_a_caller_gives_wins(secrets: Path) -> None:
    (secrets / "conceptoscope_port").write_text("81")
    assert (Settings().port, Settings(port=82).port) == (81, 82)


def test_an_empty_folder_and_files_of_others_change_nothing(secrets: Path) -> None:
    (secrets / "password_of_another_program").write_text("x")
    assert Settings() == Settings(secrets_dir=secrets)
    assert Settings().database_password is None


def test_a_folder_of_secrets_that_is_none_is_named(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCEPTOSCOPE_SECRETS_DIR", str(secrets / "elsewhere"))
    with pytest.raises(InvalidInput, match=r"CONCEPTOSCOPE_SECRETS_DIR is '.*elsewhere', which is no folder"):
        Settings()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (PLACE, f"postgresql://us:{QUOTED}@database/concepts"),
        ("postgresql://us:@[::1]:5433/c?sslmode=require", "postgresql://us:@[::1]:5433/c?sslmode=require"),
        ("postgresql://us:known@database/c", "postgresql://us:known@database/c"),
        ("postgresql://database/c", "postgresql://database/c"),
        ("postgresql:///c?host=/run", "postgresql:///c?host=/run"),
    ],
)
def test_the_password_goes_into_a_url_that_has_none(url: str, expected: str) -> None:
    found = Settings(database_url=url, database_password=SECRET)
    assert found.catalog_url == found.engine_url == expected
    assert SECRET not in repr(found)
    assert QUOTED not in repr(found)


def test_sqlite_needs_no_password(tmp_path: Path) -> None:
    assert Settings(store=tmp_path, database_password=SECRET).catalog_url == f"sqlite:///{tmp_path / 'catalog.sqlite'}"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "http://127.0.0.1:8601"),
        ({"encoder_port": 9000, "encoder_host": "::1"}, "http://[::1]:9000"),
        ({"encoder_url": "http://encoder:8601/", "encoder_port": 1}, "http://encoder:8601"),
    ],
)
def test_the_encoder_is_where_the_settings_say(given: dict[str, Any], address: str) -> None:
    assert Settings(**given).encoder_address == address


def test_settings_for_a_program_that_we_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCEPTOSCOPE_PORT", "1")
    given = environment_with({"port": "2", "encoder_secret": "known to both"})
    assert given["CONCEPTOSCOPE_PORT"] == "2"
    assert given["CONCEPTOSCOPE_ENCODER_SECRET"] == "known to both"
    assert given["PATH"]
    assert Settings().port == 1
