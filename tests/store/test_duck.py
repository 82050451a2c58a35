"""Files that are read by many at once, from buffers that are smaller than what they ask for."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from store.duck import Column, DuckFile, DuckWriter, Schema, Table

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
