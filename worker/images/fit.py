"""From a photo to a model's input: one resample of the part that the window sees, then normalisation."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from store.errors import InvalidInput
from store.grid import Window

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


def resampling_of(interpolation: str) -> Image.Resampling:
    """Pillow's filter for a model's interpolation name; raises ``InvalidInput`` listing the known ones."""
    try:
        return _RESAMPLING[interpolation]
    except KeyError:
        known = ", ".join(sorted(_RESAMPLING))
        raise InvalidInput(f"No interpolation named '{interpolation}'. Known: {known}.") from None


def fit(image: Image.Image, window: Window, interpolation: str = "bicubic") -> UInt8[np.ndarray, "H W 3"]:
    """What ``window.seen`` names, resampled once to the window's size.

    The filter's support may reach beyond the seen part, as it does when a photo is resized first and cropped after.
    """
    seen = window.seen(image.width, image.height)
    box = (
        max(0.0, seen.left * image.width),
        max(0.0, seen.top * image.height),
        min(float(image.width), seen.right * image.width),
        min(float(image.height), seen.bottom * image.height),
    )
    size = (window.width_px, window.height_px)
    return np.asarray(image.resize(size, resampling_of(interpolation), box=box))


def normalise(
    images: UInt8[Tensor, "b H W 3"], *, mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "b 3 H W"]:
    """``(x / 255 - mean) / std`` per colour, as float32; mean and std are for values in [0, 1].

    The result keeps the memory order of the input (colours last), which convolutions on a CPU like best.
    """
    b, height, width, _ = images.shape
    # Factors for a whole row of pixels: loops over three colours only would take most of the time.
    scale = torch.tensor([1 / (255 * s) for s in std], dtype=torch.float32, device=images.device).repeat(width)
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=images.device).repeat(width)
    rows = images.reshape(b, height, width * 3).float()
    return torch.addcmul(shift, rows, scale, out=rows).view(b, height, width, 3).permute(0, 3, 1, 2)
