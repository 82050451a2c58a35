"""Photos explained through the client, by a real encoder."""

import asyncio
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

from conceptoscope import Analysis, AsyncClient, Client, Invalid, NotFound, UnsupportedMedia, clamp, scale
from conceptoscope.arrays import atoms_of, read_tensors
from tests.conceptoscope.failing import Answer, failing
from tests.conceptoscope.recording import Noted, Recording
from tests.encoding import SECRET, Studio, encoding, make_studio
from tests.serving import serve
from worker.dictionaries.files import load_dictionary

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Scene:
    """A store of tiny models, its server beside an encoder, a client that keeps what it may."""

    studio: Studio
    base: str
    client: Client
    noted: Noted
    cache: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    studio = make_studio(tmp_path_factory.mktemp("studio"))
    cache, noted = tmp_path_factory.mktemp("cache"), Noted()
    with encoding(studio.settings.store, weights=[studio.inputs.weights]) as running:
        given = {"encoder_port": running.settings.encoder_port, "encoder_secret": SECRET}
        with serve(studio.settings.store, **given) as base:
            with Client(base, cache=cache, transport=Recording(noted)) as client:
                yield Scene(studio, base, client, noted, cache)


@pytest.fixture(scope="module")
def analysis(scene: Scene) -> Iterator[Analysis[Any]]:
    with scene.client.analyse(scene.studio.photo(0), "small", "joined") as analysis:
        yield analysis


def raw(scene: Scene, path: str) -> Any:
    return httpx.get(f"{scene.base}/api/v1/analyses/{path}").json()["data"]


def test_what_is_said_is_the_json(scene: Scene, analysis: Analysis[Any]) -> None:
    assert analysis.detail().as_json == raw(scene, analysis.id)
    query = "dictionary=joined&sort=surprise"
    assert analysis.detail(dictionary="joined", sort="surprise").as_json == raw(scene, f"{analysis.id}?{query}")
    said = raw(scene, f"{analysis.id}?{query}")["dictionaries"][0]["concepts"]
    assert [one.as_json for one in analysis.top(3, by="surprise", dictionary="joined")] == said[:3]
    assert len(analysis.top(1000)) == len(raw(scene, analysis.id)["dictionaries"][0]["concepts"])
    assert scene.client.analysis(analysis.id).expires_at == analysis.expires_at


def test_maps_are_codes(scene: Scene, analysis: Analysis[Any]) -> None:
    for active in analysis.top(5):
        codes = analysis.map(active.concept.id)
        file = httpx.get(f"{scene.base}/api/v1/analyses/{analysis.id}/maps/small/{active.concept.id}.npy").content
        np.testing.assert_array_equal(codes, np.load(io.BytesIO(file)))
        assert codes[active.row, active.col] == codes.max() == pytest.approx(active.peak, rel=1e-6)
        assert codes.mean() == pytest.approx(active.pooled, rel=1e-5)
    ids = [active.concept.id for active in analysis.top(3, dictionary="joined")]
    maps = analysis.maps(ids, dictionary="joined")
    for one, index in zip(maps, ids, strict=True):
        np.testing.assert_array_equal(one, analysis.map(index, dictionary="joined"))


def test_edits_are_the_apis(scene: Scene, analysis: Analysis[Any]) -> None:
    first, second = (active.concept.id for active in analysis.top(2))
    edit = analysis.edit({first: 0, second: 0.5}, patches=[3, 0, 1, 1])
    body = {"edits": f"{first}_ablate_0-1.3~{second}_scale_0.5_0-1.3"}
    direct = httpx.post(f"{scene.base}/api/v1/analyses/{analysis.id}/edits", json=body).json()["data"]
    assert edit.as_json == direct
    assert edit.delta() == direct["after"] - direct["before"] != 0
    assert edit.deltas()[edit.target] == pytest.approx(edit.delta())
    assert len(edit.controls) == 2
    assert analysis.edit({first: 1}).delta() == pytest.approx(0, abs=1e-9)
    joined = analysis.edit({0: 0}, dictionary="joined")
    assert joined.fault or joined.after is not None
    if joined.fault:
        with pytest.raises(ValueError, match="."):
            joined.delta()
    with pytest.raises(Invalid, match="-101"):
        analysis.edit({first: -101})
    with pytest.raises(Invalid, match="999"):
        analysis.edit({999: 0})


def test_every_kind_of_photo_gives_the_same(scene: Scene, tmp_path: Path) -> None:
    content = scene.studio.photo(2)
    file = tmp_path / "photo.png"
    file.write_bytes(content)
    picture = Pillow.open(io.BytesIO(content)).convert("RGB")
    found = []
    for photo in (content, bytearray(content), file, str(file), picture, np.asarray(picture)):
        with scene.client.analyse(photo, scene.client.dictionary("small")) as analysis:
            found.append([one.as_json for one in analysis.top(50)])
            np.testing.assert_array_equal(np.asarray(analysis.photo().convert("RGB")), np.asarray(picture))
    for other in found[1:]:
        assert [{**one, "concept": 0} for one in other] == [{**one, "concept": 0} for one in found[0]]
    image = scene.client.dictionary("small").images().first()
    assert image is not None
    with scene.client.analyse(image, "small") as analysis:
        assert analysis.detail().photo.image == image.id


def test_it_is_gone_when_it_is_deleted(scene: Scene) -> None:
    with scene.client.analyse(scene.studio.photo(1), "small") as analysis:
        analysis.delete()
        with pytest.raises(NotFound):
            analysis.delete()
    with pytest.raises(NotFound):
        scene.client.analysis(analysis.id)
    with pytest.raises(ZeroDivisionError), scene.client.analyse(scene.studio.photo(1), "small") as analysis:
        raise ZeroDivisionError
    with pytest.raises(NotFound):
        analysis.top()


def test_nothing_of_a_photo_is_kept_here(scene: Scene, analysis: Analysis[Any]) -> None:
    kept = set(scene.cache.iterdir())
    analysis.detail()
    analysis.map(analysis.top(1)[0].concept.id)
    analysis.photo()
    assert set(scene.cache.iterdir()) == kept
    assert not any(analysis.id.encode() in path.read_bytes() for path in kept)


def test_what_cannot_be_explained_is_told(scene: Scene) -> None:
    with pytest.raises((Invalid, UnsupportedMedia)):
        scene.client.analyse(b"no photo at all", "small")
    with pytest.raises(NotFound, match="smal"):
        scene.client.analyse(scene.studio.photo(0), "smal")
    with pytest.raises(FileNotFoundError):
        scene.client.analyse("no-such-file.jpg", "small")


def test_awaiting_it_is_the_same(scene: Scene, analysis: Analysis[Any]) -> None:
    async def ask() -> tuple[Any, ...]:
        async with AsyncClient(scene.base) as client:
            async with await client.analyse(scene.studio.photo(0), "small") as other:
                top = await other.top(4)
                first = top[0].concept.id
                return top, await other.map(first), (await other.edit({first: 0})).delta(), other.id

    top, codes, delta, public_id = asyncio.run(ask())
    assert [one.pooled for one in top] == [one.pooled for one in analysis.top(4)]
    np.testing.assert_array_equal(codes, analysis.map(top[0].concept.id))
    assert delta == analysis.edit({top[0].concept.id: 0}).delta()
    with pytest.raises(NotFound):
        scene.client.analysis(public_id)


def test_a_clamp_and_a_stream_are_the_apis(scene: Scene, analysis: Analysis[Any]) -> None:
    first, second = (active.concept.id for active in analysis.top(2))
    edit = analysis.edit({first: clamp(2.5, patches=[4, 2]), second: scale(-1)})
    body = {"edits": f"{first}_clamp_2.5_2.4~{second}_scale_-1"}
    url = f"{scene.base}/api/v1/analyses/{analysis.id}"
    assert edit.as_json == httpx.post(f"{url}/edits", json=body).json()["data"]
    assert analysis.edit({first: scale(0)}).as_json == analysis.edit({first: 0}).as_json
    joined = analysis.edit({0: clamp(1)}, dictionary="joined", stream=1)
    told = {"edits": "0_clamp_1", "dictionary": "joined", "stream": 1}
    assert joined.as_json == httpx.post(f"{url}/edits", json=told).json()["data"]
    lost = analysis.occlusion(first, dictionary="small")
    assert lost.as_json == httpx.get(f"{url}/occlusion?dictionary=small&concept={first}").json()["data"]
    with pytest.raises(Invalid, match="clamp"):
        analysis.edit({first: clamp(-1)})


def test_the_lines_of_its_page_give_what_it_shows(scene: Scene, analysis: Analysis[Any]) -> None:
    page = httpx.get(f"{scene.base}/a/{analysis.id}?d=joined&sort=peak")
    [code] = re.findall(r'<code id="use-python">(.*?)</code>', page.text, flags=re.DOTALL)
    space: dict[str, Any] = {}
    exec(html.unescape(code), space)
    assert space["data"].as_json == raw(scene, f"{analysis.id}?dictionary=joined&sort=peak")
    space["c"].close()


@pytest.mark.parametrize("slug", ["small", "joined"])
def test_atoms_of_the_file_are_those_that_are_served_one_by_one(scene: Scene, slug: str) -> None:
    dictionary = scene.client.dictionary(slug)
    atoms = dictionary.decoder()
    assert len(atoms) == dictionary.n_concepts
    for index in (0, 3, len(atoms) - 1):
        served = httpx.get(f"{scene.base}/api/v1/dictionaries/{slug}/concepts/{index}/atom.npy").content
        np.testing.assert_allclose(atoms[index], np.load(io.BytesIO(served)), atol=1e-6)
        np.testing.assert_array_equal(dictionary[index].atom(), np.load(io.BytesIO(served)))


def test_atoms_are_the_dictionarys(scene: Scene) -> None:
    """Served by a server of the test: the file is the dictionary's own."""
    for artifact in scene.studio.dictionaries:
        content = artifact.file("weights.safetensors").read_bytes()
        atoms = load_dictionary(artifact.path).atoms.detach().numpy()
        expected = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
        np.testing.assert_allclose(atoms_of(read_tensors(content)), expected, atol=1e-5)
    card = scene.client.dictionary("small").as_json
    told = httpx.Response(200, json={"data": {"card": card}}).content
    with failing(Answer(content=told), Answer(content=content)) as server, Client(server.address) as client:
        dictionary = client.dictionary("small")
        assert dictionary.decoder().shape == expected.shape
        assert server.asked[-1][1] == "/api/v1/dictionaries/small/atoms.safetensors"
