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


def found_on(device: str, kind: str, *, last: bool) -> Contributions:
    model = TimmModel(kind, tiny_net(kind), device=device)
    layer, window = model.layers[-1 if last else 0], model.window(64, 64)
    at = model.activations(tiny_images(1, height=64, width=64).to(device), layer)
    tail = find_tail(model, layer, window, photo=at)
    return contributions(random_photo(at.patches[0].cpu()), tail, Target(1))


@pytest.mark.parametrize(("kind", "last"), [("resnet", True), ("resnet", False), ("vit", False), ("convnext", False)])
def test_contributions_are_those_of_a_cpu(kind: str, last: bool) -> None:
    fast, slow = found_on("cuda", kind, last=last), found_on("cpu", kind, last=last)
    assert fast.method is slow.method
    scale = float(slow.values.abs().max())
    torch.testing.assert_close(fast.values / scale, slow.values / scale, rtol=0, atol=2e-2)
    assert abs(fast.score - slow.score) < 2e-2 * max(1, abs(slow.score))
