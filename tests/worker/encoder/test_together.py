"""How many photos go together: only as many as change nothing, and as gain something."""

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny import drawn_images, tiny_net
from worker.encoder import together
from worker.encoder.passes import Passes
from worker.encoder.together import SIZES, look_at, sizes_together
from worker.models.base import Look
from worker.models.timm_family import TimmModel

CPU = torch.device("cpu")


class Leaking(TimmModel):
    """A model whose answer depends on how many are asked about."""

    def look(self, images: Any, layers: Any) -> Look:
        """A little more for each of them."""
        found = super().look(images, layers)
        return replace(found, logits=None if found.logits is None else found.logits + 1e-6 * len(images))


def found(model: TimmModel, monkeypatch: pytest.MonkeyPatch, *, gain: float) -> tuple[int, ...]:
    """With passes that take as long as told: 1 s for one photo, ``gain`` s for each of several."""

    def told(asked: TimmModel, pictures: Any, *, layer: str, device: torch.device) -> tuple[Look, float]:
        look = look_at(asked, pictures, [layer], device=device)
        return look, len(pictures) * (gain if len(pictures) > 1 else 1.0)

    monkeypatch.setattr(together, "timed_look", told)
    return sizes_together(model, height_px=64, width_px=64, layer=model.default_layer, device=CPU)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_sizes_give_the_bits_of_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TimmModel(kind, tiny_net(kind))
    pictures = np.random.default_rng(7).integers(0, 256, (SIZES[-1], 64, 64, 3), dtype=np.uint8)
    for size in found(model, monkeypatch, gain=0.9):
        many = look_at(model, pictures[:size], [model.default_layer], device=CPU)
        for place in range(size):
            one = look_at(model, pictures[[place]], [model.default_layer], device=CPU)
            assert many.logits is not None
            assert one.logits is not None
            assert torch.equal(many.logits[place], one.logits[0])


def test_no_gain_no_company(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(TimmModel("vit", tiny_net("vit")), monkeypatch, gain=1.1) == (1,)


def test_a_model_that_leaks_answers_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(Leaking("vit", tiny_net("vit")), monkeypatch, gain=0.5) == (1,)


def test_those_who_wait_go_in_learned_sizes() -> None:
    model = TimmModel("vit", tiny_net("vit"))
    pictures = (drawn_images(64, 64) * 3)[:7]
    sizes: list[int] = []

    async def work() -> list[Look]:
        passes = Passes(CPU)
        passes._together[model] = {(64, 64, 3): (1, 2, 4)}
        passes.start()
        sent = passes._pass

        def noted(asked: Any, some: Any, layers: Any) -> list[Look]:
            sizes.append(len(some))
            return sent(asked, some, layers)

        passes._pass = noted  # type: ignore[method-assign]
        looks = await asyncio.gather(*(passes.look(model, picture, [model.default_layer]) for picture in pictures))
        await passes.close()
        return list(looks)

    looks = asyncio.run(work())
    assert sizes == [4, 2, 1]
    for look, picture in zip(looks, pictures, strict=True):
        alone = look_at(model, picture[None].copy(), [model.default_layer], device=CPU)
        torch.testing.assert_close(look.logits, alone.logits, rtol=1e-4, atol=1e-4)
