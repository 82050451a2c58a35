"""A model of one convolution with a class token: milliseconds, all code paths."""

import torch
from torch import Tensor, nn

from store.grid import Grid, Window
from store.vocabulary import Fit
from worker.models.base import Activations, Geometry, LinearHead, Preprocessing, VisionModel


class SmallModel(VisionModel):
    name = "small"
    layers = ("conv", "broken", "loud")
    default_layer = "conv"
    weights_sha256 = "0" * 64
    class_names = None
    preprocessing = Preprocessing((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear", 0.875, 32, 32)
    width = 6

    def __init__(self) -> None:
        self.conv = nn.Conv2d(3, self.width, 8, stride=8, bias=False).requires_grad_(False)
        generator = torch.Generator().manual_seed(3)
        self.conv.weight.copy_(torch.randn(self.conv.weight.shape, generator=generator) / 8)
        self.n_seen = 0
        self.stop_after: int | None = None

    def window(self, height_px: int | None = None, width_px: int | None = None, *, fit: Fit = Fit.CROP) -> Window:
        height, width = self.own_or_given(height_px, width_px)
        return Window(height, width, fit=fit, crop_ratio=self.preprocessing.crop_ratio)

    def geometry(self, layer: str, window: Window) -> Geometry:
        self.check_layer(layer)
        return Geometry(Grid(window.height_px // 8, window.width_px // 8), self.width, n_class=1)

    def activations(self, images: Tensor, layer: str) -> Activations:
        if self.stop_after is not None and self.n_seen >= self.stop_after:
            raise KeyboardInterrupt
        self.n_seen += len(images)
        patches = self.conv(images).permute(0, 2, 3, 1)
        if layer == "broken":
            patches = torch.where(torch.arange(len(images))[:, None, None, None] == 2, torch.nan, patches)
        if layer == "loud":
            patches = patches * 1e5
        return Activations(patches, patches.mean((1, 2))[:, None])

    def linear_head(self, layer: str) -> LinearHead | None:
        self.check_layer(layer)
        return None

    def logits(self, images: Tensor) -> Tensor | None:
        assert images.shape[1] == 3
        return None
