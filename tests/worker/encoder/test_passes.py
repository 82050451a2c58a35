"""Passes through a model: in order, alone or together with the same results, dropped when nobody waits."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
import torch

from store.errors import InvalidInput
from tests.tiny import drawn_images, tiny_model
from worker.encoder.passes import Passes
from worker.images.normalise import normalise
from worker.models.base import Look

CPU = torch.device("cpu")
PICTURES = [picture for shift in range(3) for picture in drawn_images(64, 96 if shift < 2 else 64)]


def run(work: Callable[[Passes], Coroutine[Any, Any, None]], *, shape: int | None = None) -> Passes:
    async def inside() -> Passes:
        passes = Passes(CPU, shape=shape)
        passes.start()
        try:
            async with asyncio.timeout(60):
                await work(passes)
        finally:
            await passes.close()
        return passes

    return asyncio.run(inside())


def direct(picture: np.ndarray, layer: str) -> Look:
    """The slow twin: the model asked without anybody between."""
    model = tiny_model()
    own = model.preprocessing
    images = normalise(torch.from_numpy(picture[None].copy()), mean=own.mean, std=own.std)
    return model.look(images, [layer])


@pytest.mark.parametrize("shape", [1, 4])
def test_everybody_gets_the_answer_to_their_own_picture(shape: int) -> None:
    model = tiny_model()
    layers = [model.layers[place % 2 - 2] for place in range(len(PICTURES))]

    async def work(passes: Passes) -> None:
        asked = zip(PICTURES, layers, strict=True)
        looks = await asyncio.gather(*(passes.look(model, picture, [layer]) for picture, layer in asked))
        for look, picture, layer in zip(looks, PICTURES, layers, strict=True):
            expected = direct(picture, layer)
            torch.testing.assert_close(look.layers[layer].patches, expected.layers[layer].patches, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(look.logits, expected.logits, rtol=1e-4, atol=1e-4)

    passes = run(work, shape=shape)
    assert passes.n_pictures == len(PICTURES)
    assert passes.n_passes == (len(PICTURES) if shape == 1 else 6)


@pytest.mark.parametrize("shape", [1, 4])
def test_a_result_does_not_depend_on_who_else_asks(shape: int) -> None:
    """Bit by bit: a pass always has the same number of images, whoever they belong to."""
    model = tiny_model()

    async def work(passes: Passes) -> None:
        alone = await passes.look(model, PICTURES[0], [model.default_layer])
        together = await asyncio.gather(*(passes.look(model, one, [model.default_layer]) for one in PICTURES[:4]))
        assert torch.equal(alone.layers[model.default_layer].patches, together[0].layers[model.default_layer].patches)
        assert alone.logits is not None
        assert torch.equal(alone.logits, together[0].logits)

    run(work, shape=shape)


def test_what_comes_out_may_be_changed_and_take_part_in_gradients() -> None:
    model = tiny_model()

    async def work(passes: Passes) -> None:
        look = await passes.look(model, PICTURES[0], [model.default_layer])
        patches = look.layers[model.default_layer].patches.requires_grad_()
        (patches**2).sum().backward()
        assert patches.grad is not None

    run(work)


def test_whoever_has_left_takes_no_time_of_the_device() -> None:
    model = tiny_model()
    go = threading.Event()

    async def work(passes: Passes) -> None:
        busy = asyncio.create_task(passes.compute(lambda: go.wait(10)))
        tasks = [asyncio.create_task(passes.look(model, one, [model.default_layer])) for one in PICTURES[:6]]
        await asyncio.sleep(0.05)
        for task in tasks[1:5]:
            task.cancel()
        go.set()
        await asyncio.gather(busy, tasks[0], tasks[5])

    assert run(work).n_pictures == 2


def test_a_fault_reaches_those_who_asked_and_nobody_else() -> None:
    model = tiny_model()

    async def work(passes: Passes) -> None:
        bad = passes.look(tiny_model("vit"), PICTURES[0][:60], ["blocks.0"])
        good = passes.look(model, PICTURES[1], [model.default_layer])
        found = await asyncio.gather(bad, good, return_exceptions=True)
        assert isinstance(found[0], InvalidInput)
        assert isinstance(found[1], Look)

    run(work)
