"""What concepts do to a class, computed through a network on a GPU: as on a CPU."""

import pytest
import torch

from tests.tiny import tiny_images, tiny_net
from tests.worker.effects.test_contributions import random_photo
from worker.effects.contributions import Contributions, contributions
from worker.effects.tails import find_tail
from worker.effects.targets import Target
from worker.models.timm_family import TimmModel

pytestmark = pytest.mark.gpu


def found_on(device: str, kind: str, *, at: int) -> Contributions:
    model = TimmModel(kind, tiny_net(kind), device=device)
    layer, window = model.layers[at], model.window(64, 64)
    found = model.activations(tiny_images(1, height=64, width=64).to(device), layer)
    tail = find_tail(model, layer, window, photo=found)
    return contributions(random_photo(found.patches[0].cpu()), tail, Target(1))


@pytest.mark.parametrize(
    ("kind", "at"), [("resnet", -1), ("resnet", 0), ("efficientnet", -2), ("vit", 0), ("convnext", 0)]
)
def test_contributions_are_those_of_a_cpu(kind: str, at: int) -> None:
    fast, slow = found_on("cuda", kind, at=at), found_on("cpu", kind, at=at)
    assert fast.method is slow.method
    scale = float(slow.values.abs().max())
    torch.testing.assert_close(fast.values / scale, slow.values / scale, rtol=0, atol=2e-2)
    assert abs(fast.score - slow.score) < 2e-2 * max(1, abs(slow.score))
