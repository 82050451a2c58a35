"""A real encoder process and the web program's client: many at once, too many, too late, gone."""

import asyncio
import io
import re
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from app.encoder import Encoder
from store.encoding.contract import EncodeRequest, UploadedPhoto
from store.encoding.refusals import (
    STATUS,
    EncoderBusy,
    EncoderCut,
    EncoderDown,
    EncoderFailed,
    EncoderSlow,
    PhotoRefused,
    Reason,
)
from store.errors import InvalidInput, NotFound
from tests.app.watching import labels, scrape, served
from tests.architecture.sources import text
from tests.encoding import SECRET, Running, Studio, encoding
from tests.worker.images.photos import draw

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(studio: Studio) -> Iterator[Running]:
    with encoding(studio.settings.store, weights=[studio.inputs.weights], encoder_queue=40) as one:
        yield one


def ask(running: Running, work: Callable[[Encoder], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        encoder = Encoder(running.settings)
        try:
            async with asyncio.timeout(120):
                await work(encoder)
        finally:
            await encoder.close()

    asyncio.run(inside())


def large_photo(side: int = 5000) -> bytes:
    """A photo that takes a while to decode."""
    buffer = io.BytesIO()
    draw(1, width=side, height=side).save(buffer, "JPEG")
    return buffer.getvalue()


def raw(running: Running, method: str, path: str, **more: Any) -> httpx.Response:
    return httpx.request(method, f"{running.settings.encoder_address}{path}", timeout=30, trust_env=False, **more)


def bearer(secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_only_who_knows_the_secret_is_answered(running: Running) -> None:
    for headers in ({}, bearer(SECRET[:-1]), bearer(f"{SECRET}x"), {"Authorization": SECRET}):
        for method, path in (("GET", "/state"), ("GET", "/metrics"), ("POST", "/encode"), ("DELETE", "/photos/a")):
            response = raw(running, method, path, headers=headers)
            assert response.status_code == 401
            assert response.json()["reason"] == "unauthorised"
            assert SECRET[:-1] not in response.text
    assert raw(running, "GET", "/state", headers=bearer()).status_code == 200
    assert raw(running, "GET", "/healthz").json()["status"] == "ok"
    other = running.settings.model_copy(update={"encoder_secret": type(running.settings.encoder_secret)("x" * 20)})
    with pytest.raises(EncoderFailed, match="CONCEPTOSCOPE_ENCODER_SECRET differs"):
        Encoder(other).look()


def test_many_at_once_each_get_their_own(running: Running, studio: Studio) -> None:
    photos = [studio.photo(place % 12) for place in range(36)]
    dictionaries = [studio.dictionaries[place % 2].digest for place in range(36)]

    async def work(encoder: Encoder) -> None:
        alone = [
            await encoder.encode(photo, [digest]) for photo, digest in zip(photos[:12], dictionaries, strict=False)
        ]
        for one in alone:
            await encoder.forget(one.photo.sha256)
        asked = zip(photos, dictionaries, strict=True)
        together = await asyncio.gather(*(encoder.encode(photo, [digest]) for photo, digest in asked))
        for place, found in enumerate(together):
            expected = alone[place % 12]
            assert found.photo == expected.photo
            assert found.streams[0].facts == expected.streams[0].facts
            np.testing.assert_array_equal(found.streams[0].indices, expected.streams[0].indices)
            np.testing.assert_array_equal(found.streams[0].values, expected.streams[0].values)

    ask(running, work)


def test_faults_arrive_as_what_they_are(running: Running, studio: Studio) -> None:
    async def work(encoder: Encoder) -> None:
        with pytest.raises(PhotoRefused) as caught:
            await encoder.encode(b"nothing", [studio.digest])
        assert caught.value.reason is Reason.NOT_AN_IMAGE
        with pytest.raises(PhotoRefused) as caught:
            await encoder.encode(bytes(33 * 2**20), [studio.digest])
        assert caught.value.reason is Reason.TOO_LARGE
        with pytest.raises(NotFound, match="dictionary"):
            await encoder.encode(studio.photo(0), ["0" * 64])
        with pytest.raises(InvalidInput, match="dictionaries"):
            await encoder.ask("/encode", EncodeRequest.model_construct(photo=UploadedPhoto(), dictionaries=("x",)))
        assert encoder.outcomes == {"PhotoRefused": 2, "NotFound": 1, "InvalidInput": 1}

    ask(running, work)


@pytest.mark.parametrize("content", [b"", b"CSP1", b"CSP1\xff\xff\xff\xff{}", b"{}", bytes(5000)])
def test_a_body_that_is_no_parcel_is_refused(content: bytes, running: Running) -> None:
    response = raw(running, "POST", "/encode", headers=bearer(), content=content)
    assert response.status_code == 400
    assert response.json()["reason"] == "invalid"


def test_too_late_is_told(running: Running, studio: Studio) -> None:
    async def work(encoder: Encoder) -> None:
        with pytest.raises(EncoderSlow, match="not done within 0.05 s"):
            await encoder.encode(large_photo(), [studio.digest], within_s=0.05)
        assert (await encoder.encode(studio.photo(0), [studio.digest])).streams

    ask(running, work)


def test_whoever_leaves_frees_the_place(running: Running, studio: Studio) -> None:
    photo = large_photo()

    async def work(encoder: Encoder) -> None:
        before = counter(running, "conceptoscope_encoder_left_total")
        tasks = [asyncio.create_task(encoder.encode(photo, [studio.digest])) for _ in range(6)]
        await asyncio.sleep(0.3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        deadline = time.monotonic() + 5
        while (await encoder.state()).n_waiting:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert counter(running, "conceptoscope_encoder_left_total") > before

    ask(running, work)


def counter(running: Running, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", raw(running, "GET", "/metrics", headers=bearer()).text, re.MULTILINE)
    assert found is not None
    return float(found[1])


@pytest.mark.slow
def test_too_many_are_told_when_to_come_back(studio: Studio) -> None:
    with encoding(studio.settings.store, weights=[studio.inputs.weights], encoder_queue=2) as small:
        photo = large_photo(3000)

        async def work(encoder: Encoder) -> None:
            asked = [encoder.encode(photo + bytes([place]), [studio.digest]) for place in range(8)]
            found = await asyncio.gather(*asked, return_exceptions=True)
            busy = [one for one in found if isinstance(one, EncoderBusy)]
            assert busy
            assert all(one.retry_after_s is not None and one.retry_after_s >= 1 for one in busy)
            answered = [one for one in found if not isinstance(one, BaseException)]
            assert len(answered) >= 2
            assert len(answered) + len(busy) == 8
            assert (await encoder.encode(studio.photo(0), [studio.digest])).streams

        ask(small, work)


@pytest.mark.slow
def test_killed_in_the_middle_stopped_and_gone(studio: Studio) -> None:
    given = {"weights": [studio.inputs.weights], "encoder_patience_s": 2.0}
    with encoding(studio.settings.store, **given) as one:  # type: ignore[arg-type]
        children = psutil.Process(one.process.pid).children()

        async def work(encoder: Encoder) -> None:
            one.process.send_signal(signal.SIGSTOP)
            with pytest.raises(EncoderSlow):
                await encoder.encode(studio.photo(0), [studio.digest])
            asking = asyncio.create_task(encoder.encode(studio.photo(0), [studio.digest]))
            await asyncio.sleep(0.4)
            one.process.kill()
            with pytest.raises(EncoderCut, match="Try again"):
                await asking
            with pytest.raises(EncoderDown, match="Everything else works"):
                await encoder.encode(studio.photo(0), [studio.digest])
            with pytest.raises(EncoderDown):
                encoder.look()

        ask(one, work)
        gone, alive = psutil.wait_procs(children, timeout=20)
        assert (len(gone), alive) == (2, [])


@pytest.mark.slow
def test_it_ends_when_told_after_what_it_has_begun_and_says_nothing_of_photos(studio: Studio) -> None:
    with encoding(studio.settings.store, weights=[studio.inputs.weights]) as one:

        async def work(encoder: Encoder) -> None:
            with pytest.raises(PhotoRefused):
                await encoder.encode(b"a visitor's own words", [studio.digest])
            asking = asyncio.create_task(encoder.encode(large_photo(), [studio.digest]))
            await asyncio.sleep(0.3)
            one.process.terminate()
            assert (await asking).streams

        ask(one, work)
        told = one.process.communicate(timeout=30)[1]
        assert one.process.returncode in (0, -signal.SIGTERM)
        assert "visitor" not in told
        assert SECRET not in told
        assert "Traceback" not in told


@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_secret_it_does_not_start(secret: str, studio: Studio) -> None:
    with encoding(studio.settings.store, wait=False, secret=secret) as one:
        told = one.process.communicate(timeout=60)[1]
        assert one.process.returncode == 2
        assert "CONCEPTOSCOPE_ENCODER_SECRET" in told


def test_a_web_program_without_a_secret_says_so(studio: Studio) -> None:
    encoder = Encoder(studio.settings)
    assert not encoder.is_set_up
    with pytest.raises(EncoderDown, match="conceptoscope up"):
        encoder.look()


def test_metrics_and_reasons_are_documented(running: Running) -> None:
    answer = raw(running, "GET", "/metrics", headers=bearer()).text
    kinds = dict(re.findall(r"^# TYPE (conceptoscope_\S+) (\S+)$", answer, re.MULTILINE))
    document = text(Path("docs/encoder.md"))
    assert dict(re.findall(r"^\| `(conceptoscope_\w+)` \| (\w+) \|", document, re.MULTILINE)) == kinds
    told = {name: int(status) for name, status in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", document, re.MULTILINE)}
    assert told == {reason.value: status for reason, status in STATUS.items()}


def test_readiness_and_metrics_of_the_web_program_tell_of_the_encoder(running: Running) -> None:
    with served(running.settings) as client:
        found = client.get("/readyz").json()
        assert (found["status"], found["parts"]["encoder"]["state"]) == ("ready", "ok")
        assert scrape(client)["conceptoscope_encoder_up"] == {labels(): 1}
    with served(running.settings.model_copy(update={"encoder_port": 1})) as client:
        found = client.get("/readyz").json()
        assert (found["status"], found["parts"]["encoder"]["state"]) == ("ready", "missing")
        assert "conceptoscope" in found["parts"]["encoder"]["remedy"]
        assert scrape(client)["conceptoscope_encoder_up"] == {labels(): 0}


def test_the_web_program_reads_what_the_encoder_draws(running: Running, studio: Studio) -> None:
    """A picture of another kind than those of the collection, and every way to name it."""
    buffer = io.BytesIO()
    Image.new("L", (300, 90), 77).save(buffer, "WEBP")

    async def work(encoder: Encoder) -> None:
        found = await encoder.encode(buffer.getvalue(), [studio.universal.digest, studio.digest])
        assert (found.photo.width, found.photo.height) == (300, 90)
        assert [one.facts.dictionary for one in found.streams] == [studio.universal.digest] * 3 + [studio.digest]
        for one in found.streams:
            assert one.indices.shape == one.values.shape
            assert len(one.values) == one.facts.grid.n_patches

    ask(running, work)
