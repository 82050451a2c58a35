"""The last step from a fitted photo to a model's input."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


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
