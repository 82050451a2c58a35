"""Going on from a layer computes nothing that comes before it."""

from typing import Any

import pytest
import torch
from torch import Tensor

from worker.models.base import Activations
from worker.models.continuing import Rest
from worker.models.torchvision_cpu import import_timm


@pytest.fixture
def net() -> Any:
    torch.manual_seed(0)
    return import_timm().create_model("test_efficientnet", pretrained=False).eval().requires_grad_(False)


class Counted:
    """A module's forward, counted."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._forward, self.n = module.forward, 0

    def __call__(self, *given: Tensor) -> Tensor:
        self.n += 1
        found: Tensor = self._forward(*given)
        return found


def test_what_comes_before_is_computed_once(net: Any) -> None:
    layer = "blocks.1"
    net.conv_stem.forward, net.blocks[2].forward = before, after = Counted(net.conv_stem), Counted(net.blocks[2])
    rest = Rest(net, layer=layer, size_px=(64, 64))
    images = torch.randn(3, 3, 64, 64)
    outputs: list[Tensor] = []
    handle = net.get_submodule(layer).register_forward_hook(lambda _m, _i, output: outputs.append(output.clone()))
    own = net(images)
    handle.remove()
    n_before, n_after = before.n, after.n
    for _ in range(3):
        found = rest.logits(
            Activations(outputs[0].permute(0, 2, 3, 1), outputs[0].new_zeros(3, 0, outputs[0].shape[1]))
        )
        torch.testing.assert_close(found, own)
    assert (before.n, after.n) == (n_before, n_after + 3)
    assert net.conv_stem.forward is before
    torch.testing.assert_close(net(images), own)
