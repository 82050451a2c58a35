"""Passes of photos through models: one thread computes, what asks for the same model meanwhile goes together."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import UInt8

from worker.encoder.together import look_at, sizes_together
from worker.models.base import Look, VisionModel

Picture = UInt8[np.ndarray, "_ _ 3"]
T = TypeVar("T")

SHAPES: Final = {"cpu": 1, "cuda": 8}
"""Images in a pass, always at least so many: a result never depends on who else asks.

On a CPU one, or as many as were learned to give the same bits as one, and sooner.
"""
WAIT_S: Final = 0.003
"""How long a pass that is not full waits for photos that are about to come."""


@dataclass(frozen=True, eq=False)
class _Wanted:
    model: VisionModel
    picture: Picture
    layers: tuple[str, ...]
    answer: "asyncio.Future[Look]"

    def goes_with(self, other: "_Wanted") -> bool:
        return self.model is other.model and self.picture.shape == other.picture.shape


class Passes:
    """Sends photos through models on one device, in the order in which they came. Use ``start`` and ``close``."""

    def __init__(self, device: torch.device, *, shape: int | None = None, wait_s: float = WAIT_S) -> None:
        self.device = device
        self.shape = shape or SHAPES.get(device.type, SHAPES["cpu"])
        self._wait_s = wait_s
        self._together: WeakKeyDictionary[VisionModel, dict[tuple[int, ...], tuple[int, ...]]] = WeakKeyDictionary()
        self._waiting: list[_Wanted] = []
        self._come = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="computing")
        self._task: asyncio.Task[None] | None = None
        self.n_passes = self.n_pictures = 0
        self.busy_s = 0.0

    def start(self) -> None:
        """Begin to take photos."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; who still waits is cancelled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for one in self._waiting:
            one.answer.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def look(self, model: VisionModel, picture: Picture, layers: Sequence[str]) -> Look:
        """What the model says of a fitted photo at these layers, in batches of one, float32, on the CPU.

        Whoever is cancelled while waiting takes no time of the device.
        """
        wanted = _Wanted(model, picture, tuple(layers), asyncio.get_running_loop().create_future())
        self._waiting.append(wanted)
        self._come.set()
        return await wanted.answer

    async def learn(self, model: VisionModel, *, height_px: int, width_px: int, layer: str) -> None:
        """Find how many photos may go together through a model, where passes are of one."""
        known = self._together.setdefault(model, {})
        if self.shape == 1 and (height_px, width_px, 3) not in known:
            find = partial(
                sizes_together, model, height_px=height_px, width_px=width_px, layer=layer, device=self.device
            )
            known[height_px, width_px, 3] = await self.compute(find)

    async def compute(self, work: Callable[[], T]) -> T:
        """Run something else on the thread that computes: two at once would only slow each other."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._timed, work)

    def _timed(self, work: Callable[..., T], *given: Any) -> T:
        begin = time.perf_counter()
        try:
            return work(*given)
        finally:
            self.busy_s += time.perf_counter() - begin

    async def _run(self) -> None:
        while True:
            await self._come.wait()
            self._come.clear()
            while batch := self._take():
                if len(batch) < self.shape:
                    await asyncio.sleep(self._wait_s)
                    batch += self._take(batch[0], most=self.shape - len(batch))
                await self._send(batch)

    def _take(self, like: _Wanted | None = None, *, most: int | None = None) -> list[_Wanted]:
        """The photo that has waited longest and those that can go with it; cancelled ones are dropped."""
        self._waiting = [one for one in self._waiting if not one.answer.done()]
        first = like or next(iter(self._waiting), None)
        fitting = [one for one in self._waiting if first is not None and one.goes_with(first)]
        taken = fitting[: self._most(fitting) if most is None else most]
        self._waiting = [one for one in self._waiting if one not in taken]
        return taken

    def _most(self, fitting: Sequence[_Wanted]) -> int:
        """How many of these photos go together."""
        if self.shape > 1 or not fitting:
            return self.shape
        sizes = self._together.get(fitting[0].model, {}).get(fitting[0].picture.shape, (1,))
        return max(size for size in sizes if size <= len(fitting))

    async def _send(self, batch: Sequence[_Wanted]) -> None:
        layers = tuple(dict.fromkeys(layer for one in batch for layer in one.layers))
        pictures = [one.picture for one in batch]
        try:
            looks = await self.compute(lambda: self._pass(batch[0].model, pictures, layers))
        except Exception as fault:  # theirs, whoever waits
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(fault)
        else:
            for one, look in zip(batch, looks, strict=True):
                if not one.answer.done():
                    one.answer.set_result(look)
        finally:
            for one in batch:
                one.answer.cancel()  # whoever still waits does so because we end

    def _pass(self, model: VisionModel, pictures: Sequence[Picture], layers: Sequence[str]) -> list[Look]:
        self.n_passes += 1
        self.n_pictures += len(pictures)
        padded = np.zeros((max(self.shape, len(pictures)), *pictures[0].shape), dtype=np.uint8)
        padded[: len(pictures)] = pictures
        found = look_at(model, padded, layers, device=self.device)
        return [_row(found, place) for place in range(len(pictures))]


def _row(look: Look, place: int) -> Look:
    """One image of a batch, copied: plain tensors, that may be changed and take part in gradients."""
    rows = slice(place, place + 1)
    layers = {
        name: type(one)(patches=_plain(one.patches[rows]), prefix=_plain(one.prefix[rows]))
        for name, one in look.layers.items()
    }
    return Look(layers, None if look.logits is None else _plain(look.logits[rows]))


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to("cpu", torch.float32).clone(memory_format=torch.contiguous_format)
