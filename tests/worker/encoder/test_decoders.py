"""Decoder processes: real ones, real photos, and files that mean harm."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from store.encoding.refusals import PhotoRefused, Reason
from store.errors import Damaged, Unavailable
from store.grid import Window
from store.vocabulary import Fit
from tests.worker.images.photos import draw, encoded, exif, png_header
from worker.encoder.decoder import __main__ as program
from worker.encoder.decoder.confine import memory_limit
from worker.encoder.decoder.exchange import Done, View, framed, read_answer
from worker.encoder.decoder.pool import Decoders, Limits
from worker.images.decode import FORMATS, decode
from worker.images.fit import fit

VIEWS = [
    View.of(Window(32, 48, fit=Fit.COVER), "bicubic"),
    View.of(Window(16, 16, fit=Fit.CROP, crop_ratio=0.875), "bilinear"),
]
LIMITS = Limits(max_bytes=2 * 2**20, max_pixels=1_000_000, within_s=10.0)


def run(work: Callable[[Decoders], Coroutine[Any, Any, None]], *, limits: Limits = LIMITS, n: int = 1) -> Decoders:
    async def inside() -> Decoders:
        decoders = Decoders(limits, n=n)
        await decoders.start()
        try:
            async with asyncio.timeout(60):
                await work(decoders)
        finally:
            await decoders.close()
        return decoders

    return asyncio.run(inside())


async def refusal(decoders: Decoders, photo: bytes) -> tuple[Reason, str]:
    with pytest.raises(PhotoRefused) as caught:
        await decoders.decode(photo, VIEWS)
    return caught.value.reason, str(caught.value)


PICTURES = {
    **{format_name: encoded(draw(1), format_name) for format_name in FORMATS},
    "transparent": encoded(draw(2).convert("RGBA"), "PNG"),
    "palette": encoded(draw(3).quantize(16), "GIF"),
    "16 bit": encoded(Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 900), "PNG"),
    "float": encoded(Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)), "TIFF"),
    "turned": encoded(draw(4), "JPEG", exif=exif(6)),
    "cmyk": encoded(draw(5).convert("CMYK"), "JPEG"),
    "progressive": encoded(draw(6), "JPEG", progressive=True),
    "lzw": encoded(draw(7), "TIFF", compression="tiff_lzw"),
    "webp lossless": encoded(draw(8), "WEBP", lossless=True),
    "animated": encoded(draw(9), "GIF", save_all=True, append_images=[draw(10)]),
    "multi-picture": encoded(draw(11), "MPO", save_all=True, append_images=[draw(12)]),
}


def test_a_photo_comes_out_as_it_would_in_our_own_process() -> None:
    async def work(decoders: Decoders) -> None:
        for content in PICTURES.values():
            found = await decoders.decode(content, VIEWS)
            image = decode(content)
            assert (found.width, found.height) == image.size
            for view, picture in zip(VIEWS, found.pictures, strict=True):
                np.testing.assert_array_equal(picture, fit(image, view.window, view.interpolation))

    assert run(work).n_deaths == 0


def test_every_failure_has_its_reason() -> None:
    async def work(decoders: Decoders) -> None:
        photo = PICTURES["JPEG"]
        expected = {
            b"": Reason.DAMAGED,
            b"no picture at all, but some text": Reason.NOT_AN_IMAGE,
            b"<svg xmlns='http://www.w3.org/2000/svg'/>": Reason.NOT_AN_IMAGE,
            photo[: len(photo) // 2]: Reason.DAMAGED,
            png_header(50_000, 50_000): Reason.TOO_MANY_PIXELS,
            png_header(900, 900): Reason.DAMAGED,
            bytes(LIMITS.max_bytes + 1): Reason.TOO_LARGE,
        }
        for content, reason in expected.items():
            assert (await refusal(decoders, content))[0] == reason
        assert (await decoders.decode(photo, VIEWS)).width == 48

    assert run(work).n_deaths == 0


def test_a_process_that_is_killed_in_the_middle_refuses_that_photo_only() -> None:
    big = encoded(draw(1, width=1000, height=1000), "PNG")

    async def work(decoders: Decoders) -> None:
        for _ in range(3):
            [pid] = decoders.pids
            os.kill(pid, signal.SIGSTOP)
            decoding = asyncio.create_task(refusal(decoders, big))
            await asyncio.sleep(0.1)
            os.kill(pid, signal.SIGKILL)
            assert (await decoding)[0] == Reason.DECODER_DIED
            assert (await decoders.decode(PICTURES["PNG"], VIEWS)).width == 48
            assert decoders.pids != [pid]

    assert run(work).n_deaths == 3


def test_a_process_that_hangs_is_killed_in_time() -> None:
    async def work(decoders: Decoders) -> None:
        [pid] = decoders.pids
        os.kill(pid, signal.SIGSTOP)
        reason, told = await refusal(decoders, PICTURES["PNG"])
        assert reason == Reason.DECODER_DIED
        assert "longer" in told
        assert not psutil.pid_exists(pid)
        assert (await decoders.decode(PICTURES["PNG"], VIEWS)).height == 32

    run(work, limits=Limits(LIMITS.max_bytes, LIMITS.max_pixels, within_s=0.5))


def test_whoever_stops_waiting_leaves_the_process_in_order() -> None:
    async def work(decoders: Decoders) -> None:
        pids = decoders.pids
        for place in range(10):
            leaving = asyncio.create_task(decoders.decode(PICTURES["PNG"], VIEWS))
            await asyncio.sleep(0.0005 * place)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            found = await decoders.decode(PICTURES["turned"], VIEWS)
            assert (found.width, found.height) == (32, 48)
        assert decoders.pids == pids

    run(work)


def test_many_at_once_each_get_their_own() -> None:
    async def work(decoders: Decoders) -> None:
        sizes = [(20 + place, 30) for place in range(24)]
        photos = [encoded(draw(place, width=w, height=h), "PNG") for place, (w, h) in enumerate(sizes)]
        found = await asyncio.gather(*(decoders.decode(photo, VIEWS) for photo in photos))
        assert [(one.width, one.height) for one in found] == sizes

    run(work, n=2)


def test_a_process_can_do_next_to_nothing() -> None:
    async def work(decoders: Decoders) -> None:
        [pid] = decoders.pids
        process = psutil.Process(pid)
        assert process.rlimit(resource.RLIMIT_AS)[1] == memory_limit(LIMITS.max_pixels)
        assert process.rlimit(resource.RLIMIT_NOFILE)[1] == 3
        assert process.rlimit(resource.RLIMIT_FSIZE) == (0, 0)
        assert process.rlimit(resource.RLIMIT_CORE) == (0, 0)
        assert set(process.environ()) <= {"LC_ALL", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"}
        assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()
        await decoders.decode(PICTURES["PNG"], VIEWS)
        assert process.rlimit(resource.RLIMIT_CPU)[0] <= program.PROCESSOR_S + 10

    run(work)


@pytest.mark.parametrize("mode", ["P", "RGBA", "L"])
def test_the_largest_picture_that_is_allowed_is_decoded_within_the_limit_of_memory(mode: str) -> None:
    picture = Image.new(mode, (4000, 2500))
    if mode == "P":
        picture.info["transparency"] = 0
    content = encoded(picture, "PNG")

    async def work(decoders: Decoders) -> None:
        assert (await decoders.decode(content, VIEWS)).width == 4000

    run(work, limits=Limits(8 * 2**20, 10_000_000))


def test_a_file_that_wants_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_args: object, **_named: object) -> Image.Image:
        try:
            raise MemoryError
        except MemoryError as fault:
            raise Damaged("It is broken (MemoryError).") from fault

    monkeypatch.setattr(program, "decode", hungry)
    order = framed(program.Order(views=(), n_bytes_max=9, n_pixels_max=9), {"photo": np.zeros(1, dtype=np.uint8)})
    done, pictures = program.carry_out(order[8:])
    assert (done.reason, pictures) == (Reason.DECODER_DIED, {})


@pytest.mark.parametrize(
    "answer",
    [
        framed(Done(width=5, height=5), {"0": np.zeros((32, 48, 3), dtype=np.uint8)}),
        framed(Done(width=5, height=5), {"0": np.zeros((32, 48, 3), np.uint8), "1": np.zeros((9, 9, 3), np.uint8)}),
        framed(Done(width=5, height=5), {"0": np.zeros((32, 48, 3), np.int32), "1": np.zeros((16, 16, 3), np.int32)}),
        b"12345678nothing",
    ],
)
def test_an_answer_that_was_not_asked_for_is_not_believed(answer: bytes) -> None:
    with pytest.raises(Damaged):
        read_answer(answer[8:], VIEWS)


@pytest.mark.parametrize(
    ("program", "words"),
    [("import numpy; raise SystemExit('no codec for WebP')", "no codec for WebP"), ("raise SystemExit(3)", "code 3")],
)
def test_a_process_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}"\n')
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    with pytest.raises(Unavailable, match=words):
        asyncio.run(Decoders(LIMITS, n=1).start())
