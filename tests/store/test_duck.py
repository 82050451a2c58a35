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

from store.duck import Column, DuckFile, DuckWriter, Schema, Table, _reader

PICTURE = Table(
    "picture",
    "picture",
    ("number",),
    (Column("number", "INTEGER", "index", "which"), Column("content", "BLOB", "bytes", "its content")),
)
SCHEMA = Schema("pictures", 1, (PICTURE,))
N, SIZE = 1800, 16_000  # 29 MB


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
