"""The encoder's passes on a GPU: nobody's result depends on who else asks, and it is that of the CPU."""

import asyncio

import pytest
import torch

from tests.tiny import drawn_images, tiny_net
from worker.encoder.passes import Passes
from worker.models.base import Look
from worker.models.timm_family import TimmModel

pytestmark = pytest.mark.gpu
PICTURES = drawn_images(64, 96)


@pytest.mark.parametrize("kind", ["resnet", "vit", "efficientnet"])
def test_alone_and_together_give_the_same_bits(kind: str) -> None:
    sizes = drawn_images(64, 64) if kind == "vit" else PICTURES
    cuda, cpu = TimmModel(kind, tiny_net(kind), device="cuda"), TimmModel(kind, tiny_net(kind))
    layer = cuda.default_layer

    async def looks(device: str, model: TimmModel) -> tuple[list[Look], list[Look], int]:
        passes = Passes(torch.device(device))
        passes.start()
        alone = [await passes.look(model, picture, [layer]) for picture in sizes]
        together = list(await asyncio.gather(*(passes.look(model, picture, [layer]) for picture in sizes)))
        await passes.close()
        return alone, together, passes.n_passes

    alone, together, n_passes = asyncio.run(looks("cuda", cuda))
    assert n_passes == len(sizes) + 1
    slow, _, _ = asyncio.run(looks("cpu", cpu))
    for one, other, twin in zip(alone, together, slow, strict=True):
        assert torch.equal(one.layers[layer].patches, other.layers[layer].patches)
        error = one.layers[layer].patches - twin.layers[layer].patches
        assert error.norm() < 5e-3 * twin.layers[layer].patches.norm()  # products of TF32 keep ten bits
        assert one.layers[layer].patches.device.type == "cpu"
