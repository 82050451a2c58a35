"""Files that are read by many at once, from buffers that are smaller than what they ask for."""

import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import pytest

from store import duck
from store.duck import Column, DuckFile, DuckWriter, Schema, Table, _reader

PICTURE = Table(
    "picture",
    "picture",
    ("number",),
    (Column("number", "INTEGER", "index", "which"), Column("content", "BLOB", "bytes", "its content")),
)
SCHEMA = Schema("pictures", 1, (PICTURE,))
N, SIZE = 1300, 16_000  # 21 MB


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckFile]:
    path = Path(tmp_path_factory.mktemp("duck")) / "pictures.duckdb"
    rng = np.random.default_rng(0)
    with DuckWriter(path, SCHEMA) as writer:
        for start in range(0, N, 40):
            contents = [rng.bytes(SIZE) for _ in range(40)]
            writer.append("picture", {"number": np.arange(start, start + 40, dtype=np.int32), "content": contents})
    file = DuckFile(path, SCHEMA)
    yield file
    file.close()


def test_many_readers_at_once_all_get_their_rows(file: DuckFile) -> None:
    def read(number: int) -> int:
        rows = file.rows("SELECT * FROM picture WHERE number = ?", [number])
        return sum(len(row["content"]) for row in rows)

    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(read, range(N))) == {SIZE}


def test_what_finds_no_memory_never_goes_to_the_working_folder(tmp_path: Path) -> None:
    with DuckWriter(tmp_path / "file.duckdb", SCHEMA):
        pass
    file = DuckFile(tmp_path / "file.duckdb", SCHEMA)
    [row] = file.rows("SELECT current_setting('temp_directory') AS place")
    file.close()
    assert Path(row["place"]).parent == Path(tempfile.gettempdir())


def test_work_that_finds_no_memory_runs_again_and_alone(file: DuckFile) -> None:
    lock, running, most, failed, beside_again = threading.Lock(), 0, 0, 0, 0

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        nonlocal running, most, failed, beside_again
        with lock:
            running += 1
            most = max(most, running)
            is_first, is_again = not failed, failed == threading.get_ident()
            failed = failed or threading.get_ident()
        time.sleep(0.02)
        with lock:
            beside_again = running if is_again and not beside_again else beside_again
            running -= 1
        if is_first:
            raise duckdb.OutOfMemoryException("no memory beside others")
        return len(cursor.execute("SELECT number FROM picture LIMIT 3").fetchall())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: _reader.run(file._name, work), range(8))) == [3] * 8
    assert beside_again == 1
    assert most == 2


def test_a_query_that_needs_more_memory_gets_it_alone(file: DuckFile) -> None:
    limits = []

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        [limit] = cursor.execute("SELECT current_setting('memory_limit')").fetchone() or ()
        limits.append(limit)
        if len(limits) == 1:
            raise duckdb.OutOfMemoryException("too little of it")
        return 1

    assert _reader.run(file._name, work) == 1
    assert file.rows("SELECT current_setting('memory_limit') AS most") == [{"most": limits[0]}]
    assert limits == ["22.8 MiB", "91.5 MiB"]


def test_the_engine_is_renewed_under_those_who_read(file: DuckFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duck, "_RENEWED_AFTER", 7)
    engines = set()

    def read(number: int) -> int:
        engines.add(_reader._engine)
        return int(file.rows("SELECT number FROM picture WHERE number = ?", [number])[0]["number"])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(100))) == list(range(100))
    assert len(engines) > 5


def test_files_come_and_go_while_the_engine_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duck, "_RENEWED_AFTER", 5)
    for number in range(4):
        with DuckWriter(tmp_path / f"{number}.duckdb", SCHEMA) as writer:
            writer.append("picture", {"number": np.array([number], dtype=np.int32), "content": [b"x"]})

    def read(number: int) -> int:
        for _ in range(20):
            file = DuckFile(tmp_path / f"{number}.duckdb", SCHEMA)
            assert file.rows("SELECT number FROM picture") == [{"number": number}]
            file.close()
        return number

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(4))) == [0, 1, 2, 3]
