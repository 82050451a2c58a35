"""Sheets as files: awkward values, batches, limits of memory."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from store import sheets
from store.errors import InvalidInput, Unavailable
from store.sheets import Format, Sheet, sheet_of_rows, write_sheet
from tests.tables import read

FORM = pytest.mark.parametrize("form", list(Format))


@FORM
def test_awkward_values_come_back(tmp_path: Path, form: Format) -> None:
    rows = [
        {
            "text": 'a "quoted", line\nbreak; ü 🙂',
            "number": 0.1 + 0.2,
            "whole": 2**53 + 1,
            "flag": True,
            "many": [1, None],
        },
        {"text": None, "number": float("nan"), "whole": None, "flag": None, "many": {"a": "b"}},
    ]
    types = {"text": "VARCHAR", "number": "DOUBLE", "whole": "BIGINT", "flag": "BOOLEAN", "many": "VARCHAR"}
    write_sheet(sheet_of_rows(types, rows), form, tmp_path / "it's here")
    found = read((tmp_path / "it's here").read_bytes(), form)
    assert found[0]["text"] == rows[0]["text"]
    assert float(found[0]["number"]) == rows[0]["number"]
    assert int(found[0]["whole"]) == rows[0]["whole"]
    assert json.loads(found[0]["many"]) == [1, None]
    assert json.loads(found[1]["many"]) == {"a": "b"}
    assert found[1]["number"] in (None, "")


def test_arrow_comes_in_batches(tmp_path: Path) -> None:
    rows = [{"n": number} for number in range(20_000)]
    write_sheet(sheet_of_rows({"n": "BIGINT"}, rows), Format.ARROW, tmp_path / "t")
    with pa.ipc.open_stream((tmp_path / "t").read_bytes()) as stream:
        batches = list(stream)
    assert [batch.num_rows for batch in batches] == [8192, 8192, 3616]
    assert pa.Table.from_batches(batches).column("n").to_pylist() == list(range(20_000))


def test_a_table_larger_than_memory_goes_by_way_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb.connect(str(tmp_path / "file")) as one:
        one.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) AS x FROM range(600000)")
    monkeypatch.setattr(sheets, "_MEMORY", ("24MB",))
    sheet = Sheet({"x": "t.x"}, "FROM file.t t ORDER BY x", files={"file": tmp_path / "file"})
    for form in (Format.CSV, Format.ARROW):
        write_sheet(sheet, form, tmp_path / "out")
        rows = read((tmp_path / "out").read_bytes(), form)
        assert len(rows) == 600_000
        assert [row["x"] for row in rows[:2000]] == sorted(row["x"] for row in rows)[:2000]
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"file", "out"}


def test_what_needs_more_memory_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_MEMORY", ("1MB", "64MB"))
    rows = [{"text": f"{number}" * 200} for number in range(3000)]
    write_sheet(sheet_of_rows({"text": "VARCHAR"}, rows), Format.PARQUET, tmp_path / "t")
    assert pq.read_table(tmp_path / "t").num_rows == 3000
    monkeypatch.setattr(sheets, "_MEMORY", ("1MB",))
    with pytest.raises(Unavailable, match="more memory"):
        write_sheet(sheet_of_rows({"text": "VARCHAR"}, rows), Format.PARQUET, tmp_path / "t")


def test_columns_are_chosen_by_name() -> None:
    sheet = sheet_of_rows({"a": "BIGINT", "b": "BIGINT"}, [])
    assert list(sheet.only(["b"]).columns) == ["b"]
    assert list(sheet.only([]).columns) == ["a", "b"]
    with pytest.raises(InvalidInput, match="'c'"):
        sheet.only(["c"])
