"""Collections page by themselves: nothing twice, nothing left out, one page ahead and no more."""

import asyncio
import time
from typing import Any

import pytest

from conceptoscope import AsyncClient, Client, Invalid, NotFound
from tests.conceptoscope.recording import AsyncRecording, Noted

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("limit", [5, 47, 48])
def test_every_row_comes_once_in_order(client: Client, limit: int) -> None:
    dictionary = client.dictionary("tiny-topk")
    whole = [concept.id for concept in dictionary.concepts(sort="-importance", limit=200).to_list()]
    assert sorted(whole) == list(range(48))
    assert [concept.id for concept in dictionary.concepts(sort="-importance", limit=limit)] == whole


def test_a_list_asks_for_no_page_twice(client: Client, noted: Noted) -> None:
    concepts = client.dictionary("tiny-topk").concepts(limit=20)
    noted.take()
    assert len(list(concepts)) == 48
    assert len(noted.take()) == 3
    assert len(concepts) == concepts.count() == 48
    assert len(noted.take()) == 2
    assert concepts
    assert "concepts" in repr(concepts)
    assert noted.take() == []


def test_only_one_page_is_asked_for_ahead(client: Client, noted: Noted) -> None:
    concepts = client.dictionary("tiny-topk").concepts(limit=4)
    noted.take()
    rows = iter(concepts)
    next(rows)
    time.sleep(0.3)
    assert len(noted.take()) <= 2
    for _ in range(4):
        next(rows)
    time.sleep(0.3)
    assert len(noted.take()) <= 1
    rows.close()  # type: ignore[attr-defined]
    time.sleep(0.1)
    assert noted.take() == []


def test_awaiting_pages(base: str, noted: Noted) -> None:
    async def walk() -> tuple[Any, ...]:
        async with AsyncClient(base, transport=AsyncRecording(noted)) as client:
            concepts = (await client.dictionary("tiny-topk")).concepts(limit=20)
            rows = [concept.id async for concept in concepts]
            return rows, await concepts.count(), await concepts.first(), len(await concepts.to_list())

    rows, count, first, n = asyncio.run(walk())
    assert sorted(rows) == list(range(48))
    assert count == n == 48
    assert first.id == rows[0]


def test_leaving_early_leaves_nothing_behind(base: str) -> None:
    async def leave() -> None:
        async with AsyncClient(base) as client:
            rows = (await client.dictionary("tiny-topk")).concepts(limit=4).__aiter__()
            await rows.__anext__()
            await rows.aclose()  # type: ignore[attr-defined]
            assert len(asyncio.all_tasks()) <= 2

    asyncio.run(leave())


def test_names_and_values_become_parameters(client: Client, noted: Noted) -> None:
    dictionary = client.dictionary("tiny-topk")
    noted.take()
    found = dictionary.concepts(class_="disc", id__in=[0, 4, 8, 40], density__gte=1e-4, label__isnull=False, q=None)
    expected = [k.id for k in dictionary.concepts() if k.top_class == "disc" and k.id in (0, 4, 8, 40) and k.label]
    assert [concept.id for concept in found] == [i for i in expected if dictionary[i].density >= 1e-4]
    [address] = {url.partition("?")[2] for _, url, _ in noted.take() if "class" in url}
    assert address == "class=disc&id__in=0%2C4%2C8%2C40&density__gte=0.0001&label__isnull=false&limit=100"


def test_faults_come_from_the_row_that_was_asked_for(client: Client) -> None:
    dictionary = client.dictionary("tiny-topk")
    with pytest.raises(Invalid) as told:
        list(dictionary.concepts(densty__gte=1))
    assert told.value.params == ("densty__gte",)
    with pytest.raises(Invalid) as told:
        client.compare(sort="speed")
    assert told.value.allowed
    with pytest.raises(NotFound, match="tiny-topk"):
        client.dictionary("tiny-tok")
    with pytest.raises(NotFound):
        dictionary[48]


def test_nothing_found_is_an_empty_list(client: Client) -> None:
    none = client.dictionary("tiny-topk").concepts(q="no such word anywhere")
    assert (list(none), len(none), none.first(), none.to_arrow().num_rows) == ([], 0, None, 0)
    assert none.to_pandas().empty
