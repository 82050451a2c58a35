"""What the doctor says of catalog, engine, cache, artifacts and device; quickly, also when nothing answers."""

import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from store.artifacts import open_cache
from store.catalog.engine import make_engine
from store.catalog.versions import migrate, revisions
from store.settings import Settings
from store.vocabulary import Kind
from worker.doctor.device import DeviceCheck, look_at_device
from worker.doctor.examining import examine
from worker.doctor.finding import Finding
from worker.doctor.places import look_at_artifacts, look_at_cache, look_at_catalog, look_at_engine

CHANGES = {"older": "0001", "newer": "9999"}


def settings_of(url: str, folder: Path) -> Settings:
    return Settings(store=folder, database_url=url)


def at(url: str, migration: str) -> None:
    """A catalog that says it is at a migration."""
    migrate(url)
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{migration}'"))
    engine.dispose()


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))]
    return {str(path): sha256(path.read_bytes()).digest() for path in paths}


@pytest.mark.parametrize(("which", "remedy"), [("older", "Run `conceptoscope migrate`"), ("newer", "Upgrade")])
def test_a_catalog_of_another_version_is_named_and_left(
    which: str, remedy: str, database_url: str, tmp_path: Path
) -> None:
    at(database_url, CHANGES[which])
    before = files(tmp_path)
    found = look_at_catalog(settings_of(database_url, tmp_path))
    assert found.state == ("warn" if which == "older" and database_url.startswith("sqlite") else "bad")
    assert f"is at migration {CHANGES[which]}, {which} than this version" in found.found
    assert found.remedy.startswith(remedy)
    assert files(tmp_path) == before


def test_a_catalog_that_is_not_there_yet(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path)
    found = look_at_catalog(settings)
    if database_url.startswith("sqlite"):
        assert (found.state, list(tmp_path.iterdir())) == ("good", [])
    else:
        assert (found.state, found.remedy) == ("bad", "Run `conceptoscope migrate`.")
    assert look_at_engine(settings).state == "good"
    migrate(database_url)
    assert look_at_catalog(settings).found.endswith(f"at migration {revisions()[-1]}")


def test_damaged_tables_of_the_engine_are_told(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"nothing that a database would write" * 40)
    found = look_at_engine(Settings(store=tmp_path))
    assert (found.what, found.state) == ("job engine", "bad")
    assert "no job is lost" in found.remedy


def test_a_cache_that_is_larger_than_its_disk(tmp_path: Path) -> None:
    fits, too_large = (Settings(store=tmp_path, artifacts_url="s3://b/x", cache_bytes=n) for n in (2**20, 2**60))
    cache = open_cache(fits)
    cache.add(cache.folder(Kind.ATLAS, "0" * 64) / "file", n_bytes=1000, write=lambda file: file.write(b"x" * 1000))
    assert look_at_cache(fits).state == "good"
    found = look_at_cache(too_large)
    assert (found.state, "the disk would be full first" in found.found) == ("warn", True)
    assert "CONCEPTOSCOPE_CACHE_BYTES to at most" in found.remedy


def test_artifacts_at_home_and_nowhere(tmp_path: Path) -> None:
    assert look_at_artifacts(Settings(store=tmp_path)).state == "good"
    (tmp_path / "file").touch()
    found = look_at_artifacts(Settings(store=tmp_path / "file"))
    assert (found.state, bool(found.remedy)) == ("bad", True)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.slow
def test_what_does_not_answer_is_not_waited_for(silent: int, tmp_path: Path) -> None:
    settings = Settings(
        store=tmp_path,
        database_url=f"postgresql://us:not-to-be-seen@127.0.0.1:{silent}/c",
        artifacts_url="s3://bucket/prefix",
        s3_endpoint=f"http://127.0.0.1:{silent}",
        s3_access_key="key",
        s3_secret_key="not-to-be-seen-either",
    )
    began_at = time.monotonic()
    examine(Settings(store=tmp_path / "here"), verify=False)
    usual_s = time.monotonic() - began_at
    began_at = time.monotonic()
    found = {one.what: one for one in examine(settings, verify=False)}
    assert time.monotonic() - began_at < 2 * usual_s + 4
    assert found["artifacts"].state == found["catalog"].state == "bad"
    assert all(bool(one.remedy) == (one.state != "good") for one in found.values())
    assert found["artifacts"].found == "no answer from s3://bucket/prefix in time"
    assert "not-to-be-seen" not in str([asdict(one) for one in found.values()])


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    found = examine(Settings(store=tmp_path / "store"), verify=False)
    assert {one.state for one in found if not one.what.startswith(("weights", "demo", "htmx"))} == {"good"}
    assert files(tmp_path) == {}


def test_a_gpu_that_torch_cannot_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "driver").touch()
    monkeypatch.setattr("worker.device._count", lambda kind: int(kind == "cpu"))
    found = look_at_device(driver=tmp_path / "driver")
    assert (found.state, "though this machine has an NVIDIA driver" in found.found) == ("warn", True)
    assert look_at_device(driver=tmp_path / "none").state == "good"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit('libtorch.so: no such file')", "torch cannot be used: libtorch.so: no such file"),
        ("import os; os.abort()", "torch cannot be used: exit code -6"),
        ("import time; time.sleep(60)", "torch has not started within 0.3 s"),
    ],
)
def test_a_broken_torch_is_told_and_breaks_nothing(code: str, told: str) -> None:
    found = DeviceCheck((sys.executable, "-c", code)).finding(within_s=0.3 if "sleep" in code else 30.0)
    assert found == Finding("device", "bad", told, found.remedy)
    assert found.remedy
