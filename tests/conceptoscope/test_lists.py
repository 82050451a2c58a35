"""Lists of concepts through the client: made, filled, edited by two people, taken away."""

import asyncio
import csv
import io

import httpx
import pytest

from conceptoscope import AsyncClient, Client, ConceptList, Invalid, NotFound, PreconditionFailed

pytestmark = pytest.mark.slow


def test_a_list_lives_and_ends(base: str) -> None:
    with Client(base, author="Zoë") as client:
        d = client.dictionary("tiny-topk")
        made = client.make_list("Corners", note="to look at")
        assert (made.title, made.note, made.author, made.n_concepts) == ("Corners", "to look at", "Zoë", 0)
        first = made.add(d[6], note="sharp")
        made.add(("tiny-topk", 3))
        made.add(d[14], position=0)
        assert [(item.index, item.note) for item in made.items()] == [(14, ""), (6, "sharp"), (3, "")]
        assert [item.as_json for item in made.items(limit=2)] == raw(base, f"lists/{made.id}")["items"]
        assert made.edit_note(first, "very sharp").note == "very sharp"
        with pytest.raises(PreconditionFailed):
            made.edit_note(first, "blunt")
        made.take_off(d[3])
        made.take_off(("tiny-topk", 3))
        assert made.refresh().n_concepts == 2
        rows = [one.as_json for one in made.export()]
        assert rows == httpx.get(f"{base}/api/v1/lists/{made.id}/items.json").json()
        assert [row["concept"] for row in csv.DictReader(io.StringIO(made.csv()))] == ["14", "6"]
        renamed = made.refresh().edit(title="Sharp corners")
        assert (renamed.title, renamed.note) == ("Sharp corners", "to look at")
        with pytest.raises(PreconditionFailed):
            made.edit(title="Late")
        with pytest.raises(PreconditionFailed):
            made.remove()
        assert made.id in {one.id for one in client.lists()}
        client.concept_list(made.id).remove()
        with pytest.raises(NotFound):
            client.concept_list(made.id)


def test_what_cannot_be_is_told(base: str) -> None:
    with Client(base) as client:
        with pytest.raises(Invalid):
            client.make_list("")
        made = client.make_list("Odd")
        with pytest.raises(NotFound):
            made.add(("tiny-topk", 48))
        with pytest.raises(NotFound):
            made.add(("no-such", 1))
        made.remove()


def test_who_awaits_edits_lists_alike(base: str) -> None:
    async def edit() -> ConceptList[object]:
        async with AsyncClient(base) as client:
            made = await client.make_list("Awaited")
            await made.add(await (await client.dictionary("tiny-topk"))[6])
            found = [item.index async for item in made.items()]
            await (await made.refresh()).remove()
            assert found == [6]
            return made  # type: ignore[return-value]

    assert asyncio.run(edit()).title == "Awaited"


def raw(base: str, path: str) -> dict[str, list[object]]:
    found: dict[str, list[object]] = httpx.get(f"{base}/api/v1/{path}").json()["data"]
    return found
