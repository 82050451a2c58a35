"""A few decoder processes, started again when they die; the encoder only ever sees what they send back."""

import asyncio
import contextlib
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import worker
from store.encoding.refusals import PhotoRefused, Reason
from store.errors import Damaged, Unavailable
from worker.encoder.decoder.exchange import (
    LENGTH_BYTES,
    Order,
    Picture,
    View,
    longest_answer,
    make_order,
    read_answer,
)

log = logging.getLogger(__name__)

_START_WITHIN_S: Final = 30.0
_FILES_EACH: Final = 2000  # then a process is replaced by a fresh one, whatever it has gathered
_DIED: Final = "The photo brought the decoder down, so it is taken for a broken or hostile file."
_SLOW: Final = "The photo takes longer to decode than a photo may."


@dataclass(frozen=True)
class Limits:
    """What a photo may be and take."""

    max_bytes: int
    max_pixels: int
    within_s: float = 15.0


@dataclass(frozen=True)
class DecodedPhoto:
    """The size of an upright photo, and what each view shows of it."""

    width: int
    height: int
    pictures: tuple[Picture, ...]
    """The views that were asked for; a copy of the whole photo comes last, where it was asked for."""


class Decoders:
    """Decodes photos, as many at once as there are processes. Use ``start`` before, ``close`` after."""

    def __init__(self, limits: Limits, *, n: int = 2) -> None:
        self.limits, self.n = limits, n
        self.n_deaths = 0
        self._free: asyncio.Queue[_Decoder] = asyncio.Queue()
        self._all: list[_Decoder] = []
        self._busy: set[asyncio.Task[DecodedPhoto]] = set()

    async def start(self) -> None:
        """Start all processes. Raises ``Unavailable`` when that does not go."""
        self._all = [_Decoder(self.limits) for _ in range(self.n)]
        await asyncio.gather(*(one.start() for one in self._all))
        for one in self._all:
            self._free.put_nowait(one)

    async def close(self) -> None:
        """End all processes."""
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)
        await asyncio.gather(*(one.end() for one in self._all))

    @property
    def pids(self) -> list[int]:
        """Processes that live."""
        return [one.process.pid for one in self._all if one.process is not None and one.process.returncode is None]

    async def decode(self, photo: bytes, views: Sequence[View], *, copy_px: int | None = None) -> DecodedPhoto:
        """The photo as the views show it, and its copy if its long side is given. Raises ``PhotoRefused``.

        Whoever stops waiting while a process is at work leaves it to finish: that is cheaper than a new process.
        """
        if len(photo) > self.limits.max_bytes:
            most = f"{self.limits.max_bytes:,}"
            raise PhotoRefused(
                Reason.TOO_LARGE, f"The photo is too large: {len(photo):,} bytes, at most {most} are read."
            )
        decoder = await self._free.get()
        task = asyncio.create_task(self._decode(decoder, photo, views, copy_px))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)
        task.add_done_callback(_looked_at)
        return await asyncio.shield(task)

    async def _decode(
        self, decoder: "_Decoder", photo: bytes, views: Sequence[View], copy_px: int | None
    ) -> DecodedPhoto:
        try:
            return await decoder.decode(photo, views, copy_px=copy_px)
        except _Lost as fault:
            self.n_deaths += 1
            raise PhotoRefused(Reason.DECODER_DIED, str(fault)) from None
        finally:
            self._free.put_nowait(decoder)


def _looked_at(task: "asyncio.Task[DecodedPhoto]") -> None:
    """Nobody may be left who asks for the outcome."""
    if not task.cancelled():
        task.exception()


class _Lost(Exception):
    """The process is gone, or was killed because of what it did."""


class _Decoder:
    """One process, started again when it is needed and gone."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.process: Process | None = None
        self._n_files = 0

    async def start(self) -> None:
        """Start the process and wait until it is confined."""
        self.process = await self._process(stdin=PIPE, stderr=DEVNULL)
        self._n_files = 0
        try:
            async with asyncio.timeout(_START_WITHIN_S):
                await self._answer(())
        except (TimeoutError, _Lost) as fault:
            await self.end()
            raise Unavailable(f"A decoder of photos does not start: {await self._last_words()}") from fault

    async def _last_words(self) -> str:
        """What another one says before it ends, having nothing to do."""
        process = await self._process(stdin=DEVNULL, stderr=PIPE)
        try:
            _, said = await asyncio.wait_for(process.communicate(), _START_WITHIN_S)
        except TimeoutError:
            process.kill()
            return f"it takes more than {_START_WITHIN_S:g} s."
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with code {process.returncode} and said nothing."

    async def _process(self, *, stdin: int, stderr: int) -> Process:
        """It gets none of our environment: there are secrets."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "worker.encoder.decoder",
            str(self._limits.max_pixels),
            stdin=stdin,
            stdout=PIPE,
            stderr=stderr,
            cwd=Path(worker.__file__).parent.parent,
            env={"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
            process_group=0,
        )

    async def decode(self, photo: bytes, views: Sequence[View], *, copy_px: int | None = None) -> DecodedPhoto:
        """One photo; raises ``PhotoRefused`` or ``_Lost``."""
        if self.process is None or self.process.returncode is not None or self._n_files >= _FILES_EACH:
            await self.end()
            await self.start()
        self._n_files += 1
        limits = self._limits
        order = Order(views=tuple(views), n_bytes_max=limits.max_bytes, n_pixels_max=limits.max_pixels, copy_px=copy_px)
        try:
            async with asyncio.timeout(limits.within_s):
                return await self._exchange(make_order(order, photo), views, copy_px=copy_px)
        except TimeoutError:
            await self.end()
            raise _Lost(_SLOW) from None
        except BaseException as fault:
            if not isinstance(fault, PhotoRefused):
                await self.end()  # whatever comes out of its pipe next belongs to nobody
            raise

    async def _exchange(self, order: bytes, views: Sequence[View], *, copy_px: int | None) -> DecodedPhoto:
        assert self.process is not None
        assert self.process.stdin is not None
        with contextlib.suppress(ConnectionError):  # it is gone: reading will tell
            self.process.stdin.write(order)
            await self.process.stdin.drain()
        content = await self._answer(views, copy_px=copy_px)
        try:
            done, pictures = read_answer(content, views, copy_px=copy_px)
        except Damaged:
            log.warning("a decoder gave an answer that is none; it is replaced")
            raise _Lost(_DIED) from None
        if done.reason is not None:
            raise PhotoRefused(done.reason, done.detail)
        return DecodedPhoto(done.width, done.height, tuple(pictures))

    async def _answer(self, views: Sequence[View], *, copy_px: int | None = None) -> bytes:
        assert self.process is not None
        assert self.process.stdout is not None
        try:
            length = int.from_bytes(await self.process.stdout.readexactly(LENGTH_BYTES), "little")
            if length > longest_answer(views, copy_px=copy_px):
                raise _Lost(_DIED)
            return await self.process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _Lost(_DIED) from None

    async def end(self) -> None:
        """Kill the process, if there is one: it has nothing to lose."""
        process, self.process = self.process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
