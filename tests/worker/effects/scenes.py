"""Small photos, heads and dictionaries for tests of effects: every method of dictionaries, random tails."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from store.grid import Grid, Window
from store.vocabulary import Fit
from tests.worker.dictionaries.planted import N_CONCEPTS, SPECS, WIDTH, planted_streams
from worker.dictionaries.base import Dictionary
from worker.effects.photo import CodedPhoto, code_photo
from worker.effects.tails import LinearTail
from worker.models.base import Activations, Geometry, LinearHead, Preprocessing, VisionModel
from worker.training.loop import train

N_CLASSES, GRID = 7, (3, 4)
WINDOW = Window(8 * GRID[0], 8 * GRID[1])


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@cache
def dictionary(method: str = "topk") -> Dictionary:
    """A small dictionary of a method, with an error."""
    stream, held_out = planted_streams()
    return train(SPECS[method], stream, held_out=held_out).dictionary


def patches(seed: int = 0) -> Tensor:
    tokens = planted_streams()[1].tokens
    order = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))
    return tokens[order[: GRID[0] * GRID[1]]].view(*GRID, WIDTH)


def photo(method: str = "topk", seed: int = 0) -> CodedPhoto:
    return code_photo(dictionary(method), patches(seed))


def head(seed: int = 5) -> LinearHead:
    return LinearHead(some(N_CLASSES, WIDTH, seed=seed) / 10, some(N_CLASSES, seed=seed + 1))


def linear_tail(seed: int = 5) -> LinearTail:
    return LinearTail(head(seed))


@dataclass
class BentModel(VisionModel):
    """A layer, then a convolution that is not linear, then pooling and a head: what earlier layers look like."""

    name = "bent"
    layers = ("early", "final")
    default_layer = "final"
    weights_sha256 = None
    class_names = tuple(f"class {index}" for index in range(N_CLASSES))
    preprocessing = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 1.0, 24, 32)
    softness: float = 1.0

    def __post_init__(self) -> None:
        self.mix = nn.Linear(WIDTH, WIDTH, bias=False).requires_grad_(False)
        self.mix.weight.copy_(some(WIDTH, WIDTH, seed=8) / WIDTH**0.5)
        self.head = head()

    def window(self, height_px: int | None = None, width_px: int | None = None, *, fit: Fit = Fit.CROP) -> Window:
        return Window(*self.own_or_given(height_px, width_px), fit=fit)

    def geometry(self, layer: str, window: Window) -> Geometry:
        self.check_layer(layer)
        return Geometry(Grid(window.height_px // 8, window.width_px // 8), WIDTH)

    def activations(self, images: Tensor, layer: str) -> Activations:
        found = nn.functional.avg_pool2d(images.repeat(1, WIDTH, 1, 1)[:, :WIDTH], 8).permute(0, 2, 3, 1)
        found = found if layer == "early" else self._bend(found)
        return Activations(found, found.new_zeros(len(found), 0, WIDTH))

    def _bend(self, x: Tensor) -> Tensor:
        return nn.functional.silu(self.mix(x) * self.softness)

    def logits(self, images: Tensor) -> Tensor | None:
        return self.logits_from(self.activations(images, "final").patches, "final")

    def linear_head(self, layer: str) -> LinearHead | None:
        return self.head if self.check_layer(layer) == "final" else None

    def logits_after(self, activations: Activations, layer: str, window: Window) -> Tensor | None:
        grid = self.geometry(layer, window).grid
        assert activations.patches.shape[1:3] == (grid.rows, grid.cols)
        bent = self._bend(activations.patches) if self.check_layer(layer) == "early" else activations.patches
        return self.logits_from(bent, "final")


ALL_METHODS = tuple(SPECS)
__all__ = ["ALL_METHODS", "GRID", "N_CLASSES", "N_CONCEPTS", "WIDTH", "WINDOW", "BentModel"]
