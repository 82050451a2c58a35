"""Every resource: what the client gives is what the server said."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

from conceptoscope import AsyncClient, Client, Image, MissingPackage, Record, optional
from conceptoscope.views import AlignmentView, ConceptCard, ConceptChip, ConceptLinks, DictionaryCard, PixelBox
from tests.app.jobs import Numbers
from tests.conceptoscope.conftest import N_IMAGES

pytestmark = pytest.mark.slow

D = "/api/v1/dictionaries/tiny-topk"
K = f"{D}/concepts/6"
U = "/api/v1/dictionaries/three-nets"
A = "/api/v1/alignments/tiny-topk/wide-topk"


@dataclass(frozen=True)
class Case:
    """What is asked of a client, and the raw address of the same; ``inside`` is where it stands in the data."""

    ask: Callable[[Any], Any]
    address: str
    inside: tuple[str, ...] = ()


CASES = {
    "service": Case(lambda c: c.service(), "/api/v1"),
    "glossary": Case(lambda c: c.glossary(), "/api/v1/glossary"),
    "models": Case(lambda c: c.models(), "/api/v1/models"),
    "model": Case(lambda c: c.model("tinynet"), "/api/v1/models/tinynet"),
    "datasets": Case(lambda c: c.datasets(), "/api/v1/datasets"),
    "dataset": Case(lambda c: c.dataset("shapes"), "/api/v1/datasets/shapes"),
    "dictionaries": Case(lambda c: c.dictionaries(method="topk"), "/api/v1/dictionaries?method=topk"),
    "dictionary": Case(lambda c: c.dictionary("tiny-topk"), D, ("card",)),
    "dictionary detail": Case(lambda c: c.dictionary("tiny-topk").detail(), D),
    "metrics": Case(lambda c: c.dictionary("tiny-topk").metrics(), f"{D}/metrics"),
    "statistics": Case(lambda c: c.dictionary("tiny-topk").statistics(q="a"), f"{D}/statistics?q=a"),
    "facets": Case(lambda c: c.dictionary("tiny-topk").facets(class_="disc"), f"{D}/facets?class=disc"),
    "class list": Case(lambda c: c.dictionary("tiny-topk").classes(limit=9).to_list(), f"{D}/classes?limit=9"),
    "predicted class": Case(
        lambda c: c.dictionary("tiny-topk").predicted(1, by="contrast"), f"{D}/classes/1?by=contrast"
    ),
    "concepts of a class": Case(
        lambda c: c.dictionary("tiny-topk").predicted_by(1, limit=100).to_list(),
        f"{D}/classes/1/concepts?limit=100",
        ("concepts",),
    ),
    "streams": Case(lambda c: c.dictionary("three-nets").streams(), f"{U}/streams"),
    "cross_r2": Case(lambda c: c.dictionary("three-nets").cross_r2(), f"{U}/cross_r2"),
    "concepts": Case(lambda c: c.dictionary("tiny-topk").concepts(limit=200).to_list(), f"{D}/concepts?limit=200"),
    "concept": Case(lambda c: c.dictionary("tiny-topk")[6], K, ("card",)),
    "concept detail": Case(lambda c: c.dictionary("tiny-topk")[6].detail(band="q95"), f"{K}?band=q95"),
    "examples": Case(
        lambda c: c.dictionary("tiny-topk")[6].examples("q50", limit=5), f"{K}/examples?band=q50&limit=5&include=heat"
    ),
    "histogram": Case(
        lambda c: c.dictionary("tiny-topk")[6].histogram(of="image_max").view, f"{K}/histogram?of=image_max"
    ),
    "neighbors": Case(lambda c: c.dictionary("tiny-topk")[6].neighbors("decoder"), f"{K}/neighbors?by=decoder"),
    "all neighbors": Case(lambda c: c.dictionary("tiny-topk")[6].neighbors(limit=3), f"{K}/neighbors?limit=3"),
    "classes": Case(lambda c: c.dictionary("tiny-topk")[6].classes(), f"{K}/classes"),
    "concept streams": Case(
        lambda c: c.dictionary("three-nets")[3].streams(limit=4), f"{U}/concepts/3/streams?limit=4"
    ),
    "alignments of a concept": Case(lambda c: c.dictionary("tiny-topk")[6].alignments(), K, ("elsewhere",)),
    "images": Case(lambda c: c.dictionary("tiny-topk").images(limit=200).to_list(), f"{D}/images?limit=200"),
    "compare": Case(lambda c: c.compare(model="tinynet", sort="l0"), "/api/v1/compare?model=tinynet&sort=l0"),
    "alignments": Case(lambda c: c.alignments(), "/api/v1/alignments"),
    "alignment": Case(lambda c: c.alignment("tiny-topk", "wide-topk", mutual="yes"), f"{A}?mutual=yes"),
    "pairs": Case(lambda c: c.pairs("tiny-topk", "wide-topk", limit=60).to_list(), f"{A}?limit=60", ("pairs",)),
    "fans": Case(lambda c: c.fans("tiny-topk", "wide-topk").to_list(), f"{A}?show=fans&limit=60", ("fans",)),
    "alone": Case(lambda c: c.alone("tiny-topk", "wide-topk", side="b").to_list(), f"{A}?show=b&limit=60", ("alone",)),
    "together": Case(lambda c: c.together("tiny-topk", "wide-topk", "tiny-archetypal"), f"{A}/tiny-archetypal"),
    "jobs": Case(lambda c: c.jobs(members="yes", limit=50).to_list(), "/api/v1/jobs?members=yes&limit=50"),
    "workers": Case(lambda c: c.workers(), "/api/v1/workers"),
    "anything": Case(lambda c: c.get(f"{D}/facets", q="a"), f"{D}/facets?q=a"),
}


def plain(value: Any) -> Any:
    """Records as the JSON that they hold."""
    if isinstance(value, Record):
        return value.as_json
    return [plain(one) for one in value] if isinstance(value, tuple | list) else value


def raw(base: str, case: Case) -> Any:
    data = httpx.get(base + case.address).json()["data"]
    for name in case.inside:
        data = data[name]
    return data


def untimed(value: Any) -> Any:
    """Without what goes on while one looks: seconds, and whether a worker still lives."""
    if isinstance(value, dict):
        passing = {"ran_s", "waited_s"} | ({"state"} if "pid" in value else set())
        return {name: untimed(one) for name, one in value.items() if name not in passing}
    return [untimed(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", CASES)
def test_the_value_is_the_json(client: Client, base: str, name: str) -> None:
    found = plain(CASES[name].ask(client))
    assert found
    assert untimed(found) == untimed(raw(base, CASES[name]))


class Followed:
    """A chain of calls as one writes it for a client that waits, carried out by one that awaits."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getattr__(self, name: str) -> "Followed":
        return Followed(then(self.value, lambda thing: getattr(thing, name)))

    def __getitem__(self, index: int) -> "Followed":
        return Followed(then(self.value, lambda thing: thing[index]))

    def __call__(self, *given: Any, **named: Any) -> "Followed":
        return Followed(then(self.value, lambda method: method(*given, **named)))


async def then(value: Any, step: Callable[[Any], Any]) -> Any:
    """The next step, once what it stands on is there."""
    found = await value if asyncio.iscoroutine(value) else value
    after = step(found)
    return await after if asyncio.iscoroutine(after) else after


@pytest.mark.slow
def test_the_awaiting_client_gives_the_same(base: str) -> None:
    async def ask() -> dict[str, Any]:
        async with AsyncClient(base) as asking:
            return {name: plain(await case.ask(Followed(asking)).value) for name, case in CASES.items()}

    assert untimed(asyncio.run(ask())) == untimed({name: raw(base, case) for name, case in CASES.items()})


def test_what_is_an_array_is_what_the_api_gives(client: Client, base: str) -> None:
    concept = client.dictionary("tiny-topk")[6]
    files = [httpx.get(f"{base}{K}/examples/{rank}/heat.npy?band=q95").content for rank in range(2)]
    stored = np.stack([np.load(io.BytesIO(file)) for file in files])
    examples = concept.examples("q95", limit=2)
    scales = np.array([tile.heat_scale for tile in examples.tiles], np.float32)
    np.testing.assert_allclose(
        concept.heat("q95", limit=2), stored / np.float32(255) * scales[:, None, None], rtol=1e-6
    )
    np.testing.assert_array_equal(examples.heat(), concept.heat("q95", limit=2))
    peaks = [heat[tile.row, tile.col] for heat, tile in zip(examples.heat(), examples.tiles, strict=True) if tile.peak]
    np.testing.assert_allclose(peaks, [tile.value for tile in examples.tiles if tile.peak], rtol=1e-5)
    position = httpx.get(f"{base}{K}/position").json()["data"]
    np.testing.assert_allclose(concept.position(), np.array(position["map"]) / 255 * position["scale"], rtol=1e-6)
    histogram = concept.histogram()
    assert len(histogram.edges) == len(histogram.counts) + 1
    assert histogram.counts.sum() + histogram.n_zero == N_IMAGES * 36


def test_a_silent_concept_has_no_examples_and_no_sprite(client: Client) -> None:
    dead = client.dictionary("tiny-topk")[3]
    assert dead.heat().shape == (0, 6, 6)
    assert dead.examples().pil(overlay=True) == []
    assert dead.sprite() is None


def test_pictures_are_the_servers(client: Client, base: str) -> None:
    concept = client.dictionary("tiny-topk")[6]
    examples = concept.examples(limit=3)
    for tile, picture in zip(examples.tiles, examples.pil(), strict=True):
        direct = Pillow.open(io.BytesIO(httpx.get(base + tile.links.thumbnail).content)).convert("RGB")
        assert picture.size == (tile.width, tile.height)
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(direct))
    for tile, whole, drawn, part in zip(
        examples.tiles, examples.pil(), examples.pil(overlay=True), examples.pil(crop=True), strict=True
    ):
        assert drawn.size == whole.size
        assert np.abs(np.asarray(drawn, int) - np.asarray(whole, int)).max() > 20
        assert part.size == (round(tile.crop.width), round(tile.crop.height))
    sprite = concept.sprite(overlay=True)
    assert sprite is not None
    assert sprite.size[0] == sprite.size[1]


def test_an_image_knows_what_fires(client: Client, base: str) -> None:
    image = client.dictionary("tiny-topk").images(class_="disc").first()
    assert isinstance(image, Image)
    assert image.class_ == "disc"
    assert image.pil().size == (image.thumbnail_width, image.thumbnail_height)
    address = f"{base}/api/v1/images/{image.id}?dictionary=tiny-topk&concept=6&patch=1,2"
    assert image.detail(concept=6, patch=(1, 2)).as_json == httpx.get(address).json()["data"]
    assert client.image(image.id, dictionary="tiny-topk", concept=6, patch=(1, 2)) == image.detail(
        concept=6, patch=(1, 2)
    )


def test_fields_have_their_types(client: Client) -> None:
    dictionary = client.dictionary("tiny-topk")
    assert isinstance(dictionary, DictionaryCard)
    assert dictionary.grid == (6, 6)
    concept = dictionary[6]
    assert isinstance(concept, ConceptCard)
    assert isinstance(concept.links, ConceptLinks)
    assert isinstance(concept.neighbors("decoder")[0].neighbors[0].concept, ConceptChip)
    assert isinstance(concept.examples().tiles[0].seen, PixelBox)
    assert isinstance(client.alignment(dictionary, "wide-topk"), AlignmentView)


def test_the_server_says_how_it_stands(client: Client) -> None:
    view = client.readiness()
    assert view.status == "ready"
    assert view.parts["catalog"].state == "ok"


def test_tables_have_a_row_for_each_concept(client: Client) -> None:
    concepts = client.dictionary("tiny-topk").concepts(sort="-density", limit=20)
    rows = concepts.to_list()
    table, frame = concepts.to_arrow(), concepts.to_pandas()
    assert table.num_rows == len(frame) == len(rows) == 48
    assert "links" not in table.column_names
    for name in ("id", "density", "top_class", "badges"):
        expected = [row.as_json[name] for row in rows]
        assert table[name].to_pylist() == expected
        assert frame[name].astype(object).where(frame[name].notna(), None).tolist() == expected
    pairs = client.pairs("tiny-topk", "wide-topk").to_arrow()
    assert "a_name" in pairs.column_names


def test_a_package_that_is_missing_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    concepts = client.dictionary("tiny-topk").concepts()
    monkeypatch.setattr(optional, "import_module", missing)
    with pytest.raises(MissingPackage, match="pip install pandas"):
        concepts.to_pandas()
    with pytest.raises(MissingPackage, match="pip install pyarrow"):
        concepts.to_arrow()
    with pytest.raises(ImportError, match="pip install pillow"):
        client.dictionary("tiny-topk")[6].examples().pil()


def test_a_dictionary_is_not_gone_through_one_by_one(client: Client) -> None:
    with pytest.raises(TypeError, match="not iterable"):
        iter(client.dictionary("tiny-topk"))  # type: ignore[call-overload]


def test_a_job_is_itself(client: Client, base: str, numbers: Numbers) -> None:
    for number in (numbers.failed, numbers.running, numbers.pipeline):
        job = client.job(number)
        assert untimed(job.as_json) == untimed(httpx.get(f"{base}/api/v1/jobs/{number}").json()["data"])
        assert job.is_ended == (number == numbers.failed)
    lines = client.job(numbers.running).log()
    assert [line.as_json for line in lines] == httpx.get(f"{base}/api/v1/jobs/{numbers.running}/log").json()["data"]
    assert client.job(numbers.running).log(after=lines[-1].id) == []
