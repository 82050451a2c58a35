"""Whole collections come as one Arrow stream, with the values of the JSON pages, row by row."""

from collections.abc import Callable
from typing import Any

import httpx
import pyarrow as pa
import pytest

from conceptoscope import Client, ClientError, Unexpected, frames, optional
from conceptoscope.addresses import kind_at, page_at, row_at, template_of
from conceptoscope.frames import flat, read_stream
from conceptoscope.views import ConceptCard, ItemView, JobView, ModelShelf, Pair, TogetherView
from tests.conceptoscope.recording import Noted

LISTS: dict[str, Callable[[Client], Any]] = {
    "concepts": lambda c: c.dictionary("tiny-topk").concepts(sort="-importance", badge__not="dead", limit=7),
    "images": lambda c: c.dictionary("tiny-topk").images(split="train", limit=5),
    "classes": lambda c: c.dictionary("tiny-topk").classes(),
    "pairs": lambda c: c.pairs("tiny-topk", "wide-topk", limit=5),
    "alone": lambda c: c.alone("tiny-topk", "wide-topk", side="b"),
    "jobs": lambda c: c.jobs(members="yes", limit=3),
}
NOT_IN_TABLES = {"shared", "photos", "ran_s", "waited_s"}
"""Photos, which tables leave out, and what goes on while one looks."""


def alike(one: Any, other: Any) -> bool:
    """Equal, or a list beside its JSON text."""
    if isinstance(one, float) and isinstance(other, int | float):
        return one == pytest.approx(other, rel=1e-6)
    return one == other or (isinstance(one, str) and isinstance(other, list | dict | tuple))


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_a_table_has_the_values_of_the_pages(client: Client, noted: Noted, name: str) -> None:
    rows = LISTS[name](client)
    slow = [flat(row.as_json) for row in rows.to_list()]
    noted.take()
    table = rows.to_arrow()
    [(_, address, status)] = noted.take()
    assert "format=arrow" in address
    assert "limit=" not in address
    assert status == 200
    assert table.num_rows == len(slow) > 0
    for told, row in zip(table.to_pylist(), slow, strict=True):
        shared = (told.keys() & row.keys()) - NOT_IN_TABLES
        assert len(shared) >= 3
        assert {key: (told[key], row[key]) for key in shared if not alike(told[key], row[key])} == {}
    assert len(rows.to_pandas()) == len(slow)


@pytest.mark.slow
def test_what_has_no_table_comes_page_by_page(
    base: str, client: Client, noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = client.lists()
    noted.take()
    assert lists.to_arrow().num_rows == len(lists.to_list())
    assert not any("format=arrow" in address for _, address, _ in noted.take())
    concepts = client.dictionary("tiny-topk").concepts(limit=20)
    cursor = httpx.get(f"{base}/api/v1/dictionaries/tiny-topk/concepts?limit=20").json()["page"]["next"]
    part = client.rows("/api/v1/dictionaries/tiny-topk/concepts?limit=20", cursor=cursor)
    assert part.to_arrow().num_rows == 28
    monkeypatch.setattr("conceptoscope.pages.has", lambda _: False)
    assert len(concepts.to_pandas()) == 48


@pytest.mark.slow
def test_any_address_is_typed_by_its_path(client: Client) -> None:
    found = client.get("/api/v1/models")
    assert all(isinstance(one, ModelShelf) for one in found)
    [first, *_] = client.rows("/api/v1/dictionaries/tiny-topk/concepts?sort=-density", badge__not="dead")
    assert isinstance(first, ConceptCard)
    assert first == client.dictionary("tiny-topk").concepts(sort="-density", badge__not="dead").first()
    [pair, *_] = client.rows("/api/v1/alignments/tiny-topk/wide-topk", "pairs")
    assert isinstance(pair, Pair)
    assert client.get("/api/v1/openapi.json").openapi.startswith("3.1")
    with pytest.raises(ClientError, match="no list 'pears'"):
        client.rows("/api/v1/alignments/tiny-topk/wide-topk", "pears")


def test_addresses_are_matched_part_by_part() -> None:
    assert template_of("/api/v1/jobs/7") == "/api/v1/jobs/{job_id}"
    assert kind_at("/api/v1/jobs/7") is JobView
    assert kind_at("/api/v1/alignments/a/b/c/d") is TogetherView
    assert kind_at("/api/v1/dictionaries/x/concepts") == tuple[ConceptCard, ...]
    assert row_at("/api/v1/lists/3f", "items") is ItemView
    assert template_of("/api/v1/jobs/7/nothing") == template_of("/other") == ""
    assert row_at("/other", "") is kind_at("/other") is Any
    assert page_at("/api/v1/alignments/a/b", wanted=100) == 60
    assert page_at("/api/v1/models", wanted=100) is None


def test_what_is_no_stream_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"a": [1, 2]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    assert read_stream(sink.getvalue().to_pybytes()).equals(table)
    with pytest.raises(Unexpected, match="no Arrow stream"):
        read_stream(b"<html>not here</html>")
    assert optional.has("pyarrow")
    assert frames.to_table([{"a": {"b": 1}}]).column_names == ["a_b"]
