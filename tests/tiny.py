"""Random-weight models and eight drawn images: nothing is downloaded, all is made in milliseconds."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.models.timm_family import TimmModel, build_net

Picture = NDArray[np.uint8]  # [h w 3]

N_IMAGES = 8

# One small network of each kind that users bring: architecture, settings. As small as it may be.
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("vit_tiny_patch16_224", {"img_size": 64, "depth": 3, "num_classes": 5}),
    "vit-reg4": ("vit_small_patch14_reg4_dinov2", {"img_size": 56, "depth": 2, "embed_dim": 48, "num_heads": 3}),
    "siglip": ("vit_base_patch16_siglip_224", {"img_size": 64, "depth": 2, "embed_dim": 48, "num_heads": 3}),
    "distilled": ("deit_tiny_distilled_patch16_224", {"img_size": 64, "depth": 2, "num_classes": 5}),
    "eva": ("vit_small_patch16_dinov3", {"img_size": 64, "depth": 2, "embed_dim": 48, "num_heads": 3}),
    "convnext": ("convnext_atto", {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32), "num_classes": 5}),
    "resnet": ("resnet10t", {"num_classes": 5}),
    "swin": (
        "swin_tiny_patch4_window7_224",
        {"img_size": 64, "embed_dim": 24, "depths": (1, 1, 1, 1), "num_classes": 5},
    ),
    "efficientnet": ("tf_efficientnet_lite0", {"num_classes": 5}),
    "mobilenetv3": ("mobilenetv3_small_050", {"num_classes": 5}),
}


@cache
def tiny_model(kind: str = "resnet") -> TimmModel:
    """A model with seeded random weights; ``kind`` is a key of ARCHITECTURES. One object for all."""
    net = tiny_net(kind)
    names = tuple(f"class {index}" for index in range(net.num_classes)) or None
    return TimmModel(f"tiny-{kind}", net, class_names=names)


def tiny_net(kind: str) -> Any:
    """The network alone, in evaluation mode, made anew with the same weights each time."""
    architecture, settings = ARCHITECTURES[kind]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build_net(architecture, pretrained=False, **settings)
        _spread(net)
    _settle(net.eval())
    return net


def tiny_images(n_images: int, *, height: int, width: int) -> Tensor:
    """The first drawn images as model inputs ``[n 3 height width]``, in [-1, 1]."""
    pictures = np.stack(drawn_images(height, width)[:n_images]).astype(np.float32)
    return torch.from_numpy(pictures / 127.5 - 1).permute(0, 3, 1, 2).contiguous()


def _spread(net: torch.nn.Module) -> None:
    """Untrained networks start with scales of 0 or 1e-6 that would hide mistakes: spread them."""
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim <= 1 or parameter.abs().max() == 0:
                parameter.normal_(0.5, 0.2)


@torch.inference_mode()
def _settle(net: torch.nn.Module) -> None:
    """Give batch norms the statistics of the drawn images; deep random networks would squash all images into one."""
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    net(tiny_images(N_IMAGES, height=64, width=64))
    for norm in norms:
        norm.eval()


def drawn_images(height: int = 96, width: int = 128) -> list[Picture]:
    """Eight pictures drawn by arithmetic, each unlike the others: stripes, discs, checks, gradients, seeded noise."""
    return [np.round(255 * draw(*_coordinates(height, width))).astype(np.uint8) for draw in DRAWINGS]


Plane = NDArray[np.float64]


def _coordinates(height: int, width: int) -> tuple[Plane, Plane]:
    """Row and column of each pixel's centre as fractions."""
    y, x = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    return y, x


def _rgb(red: Plane, green: Plane, blue: Plane) -> Plane:
    return np.clip(np.stack(np.broadcast_arrays(red, green, blue), axis=-1), 0.0, 1.0)


def _disc(y: Plane, x: Plane, *, at: tuple[float, float], radius: float) -> Plane:
    return ((y - at[0]) ** 2 + (x - at[1]) ** 2 < radius**2).astype(float)


def _stripes(y: Plane, x: Plane) -> Plane:
    wave = np.round(0.5 + 0.5 * np.sin(2 * np.pi * 6 * x))
    return _rgb(wave, 0.2 + 0 * y, 1 - wave)


def _checks(y: Plane, x: Plane) -> Plane:
    check = (np.floor(6 * y) + np.floor(8 * x)) % 2
    return _rgb(check, check, 0.3 * check)


def _one_disc(y: Plane, x: Plane) -> Plane:
    disc = _disc(y, x, at=(0.5, 0.4), radius=0.3)
    return _rgb(0.9 * disc, 0.6 * disc + 0.1, 0.1 + 0 * disc)


def _many_discs(y: Plane, x: Plane) -> Plane:
    discs = _disc(y * 4 % 1, x * 5 % 1, at=(0.5, 0.5), radius=0.35)
    return _rgb(1 - discs, 0.8 - 0.5 * discs, 0.9 * discs)


def _gradient(y: Plane, x: Plane) -> Plane:
    return _rgb(x, y, 1 - x)


def _horizon(y: Plane, x: Plane) -> Plane:
    ground = (y > 0.55 + 0.1 * np.sin(7 * x)).astype(float)
    return _rgb(0.5 - 0.2 * ground, 0.7 - 0.2 * ground, 1 - 0.8 * ground)


def _rings(y: Plane, x: Plane) -> Plane:
    rings = 0.5 + 0.5 * np.cos(40 * np.hypot(y - 0.5, x - 0.5))
    return _rgb(rings, 0.5 * rings, 0.4 + 0 * rings)


def _noise(y: Plane, x: Plane) -> Plane:
    return np.random.default_rng(0).random((*np.broadcast(y, x).shape, 3))


DRAWINGS: tuple[Callable[[Plane, Plane], Plane], ...] = (
    _stripes,
    _checks,
    _one_disc,
    _many_discs,
    _gradient,
    _horizon,
    _rings,
    _noise,
)
