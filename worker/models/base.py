"""The contract of vision models: normalised images in, activations at a named layer out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from store.errors import InvalidInput, NotFound
from store.grid import Grid, Window
from store.vocabulary import Fit

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """How photos become model inputs, from the model's own data config.

    A pixel p in [0, 1] becomes ``(p - mean) / std``, per colour; the size in pixels is the model's own.
    """

    mean: Rgb
    std: Rgb
    interpolation: str  # "bicubic", "bilinear", "lanczos", "nearest"
    crop_ratio: float  # share of the resized photo's covering window that is kept, in (0, 1]
    height_px: int
    width_px: int


@dataclass(frozen=True)
class Geometry:
    """The shape of one image's activations at a layer; the prefix is ``n_class`` class tokens, then registers."""

    grid: Grid
    width: int  # length d of one activation
    n_class: int = 0
    n_register: int = 0

    @property
    def n_prefix(self) -> int:
        """Tokens that belong to no place of the photo."""
        return self.n_class + self.n_register


@dataclass(frozen=True)
class Activations:
    """What a layer says about a batch of images; ``p`` = class and register tokens, 0 for most models."""

    patches: Float[Tensor, "b h w d"]
    prefix: Float[Tensor, "b p d"]


@dataclass(frozen=True)
class Look:
    """What a model says about a batch of images at several layers, and in the end."""

    layers: Mapping[str, Activations]
    logits: Float[Tensor, "b c"] | None


@dataclass(frozen=True)
class LinearHead:
    """What follows a layer when it is only the mean over patches and a linear map: ``logits = W mean(x) + bias``.

    Then an activation vector x at one of n patches adds exactly ``W x / n`` to the logits.
    """

    weight: Float[Tensor, "c d"]
    bias: Float[Tensor, " c"]
    class_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class BentHead:
    """What follows a layer when every patch is mapped by itself and bent once before a linear head::

        logits = W mean_i min(max(V x_i + v, 0), top) + bias

    so is the last stage of EfficientNet-Lite and MobileNetV2: a 1x1 convolution, batch normalisation and ReLU6.
    """

    weight: Float[Tensor, "e d"]
    bias: Float[Tensor, " e"]
    top: float
    """Where it is cut: 6 for ReLU6, infinity for ReLU."""
    head: LinearHead

    def logits(self, patches: Float[Tensor, "b h w d"]) -> Float[Tensor, "b c"]:
        """By the formula."""
        bent = (patches @ self.weight.T + self.bias).clamp(0, self.top)
        return bent.mean((1, 2)) @ self.head.weight.T + self.head.bias


class VisionModel(ABC):
    """A backbone that can be read at named layers. Safe to call from several threads."""

    name: str
    layers: tuple[str, ...]  # in the order of the forward pass
    default_layer: str
    preprocessing: Preprocessing
    weights_sha256: str | None  # digest of the weights file; None if the weights came from a hub
    class_names: tuple[str, ...] | None  # of the logits

    @abstractmethod
    def window(self, height_px: int | None = None, width_px: int | None = None, *, fit: Fit = Fit.CROP) -> Window:
        """The input window of a size, or of the model's own size when both are None; InvalidInput if unusable."""

    @abstractmethod
    def geometry(self, layer: str, window: Window) -> Geometry:
        """Shape of one image's activations; NotFound for an unknown layer."""

    @abstractmethod
    def activations(self, images: Float[Tensor, "b 3 H W"], layer: str) -> Activations:
        """Activations of normalised images at a layer, on the model's device, without gradients.

        The forward pass stops after the layer. NotFound for an unknown layer, InvalidInput for an unusable size.
        """

    @abstractmethod
    def logits(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c"] | None:
        """The model's own output for normalised images, one number per class; None for a model without a head."""

    def look(self, images: Float[Tensor, "b 3 H W"], layers: Sequence[str]) -> Look:
        """Activations at some layers and the logits, as the two methods above give them, in one pass if it can."""
        return Look({layer: self.activations(images, layer) for layer in layers}, self.logits(images))

    @property
    def n_bytes(self) -> int:
        """Memory that the weights take; 0 where that is not known."""
        return 0

    @abstractmethod
    def linear_head(self, layer: str) -> LinearHead | None:
        """The rest of the model after a layer, if it is exactly a mean over patches and a linear map."""

    def bent_head(self, layer: str) -> BentHead | None:
        """The rest of the model after a layer, if it is exactly one bend of each patch and a linear head."""
        self.check_layer(layer)
        return None

    def logits_from(self, patches: Float[Tensor, "b h w d"], layer: str) -> Float[Tensor, "b c"] | None:
        """``W mean_hw(patches) + bias``, where that is exactly the rest of the model; otherwise None."""
        head = self.linear_head(layer)
        return None if head is None else patches.mean((1, 2)) @ head.weight.T + head.bias

    def logits_after(self, activations: Activations, layer: str, window: Window) -> Float[Tensor, "b c"] | None:
        """The model's logits if a layer said this on photos in a window, with gradients to the activations.

        None for a model without a head, and where the rest of the model cannot be run by itself. InvalidInput for a
        layer whose tokens are in an order of their own.
        """
        grid = self.geometry(layer, window).grid
        assert activations.patches.shape[1:3] == (grid.rows, grid.cols), "activations of another window"
        return self.logits_from(activations.patches, layer)

    def check_layer(self, layer: str) -> str:
        """The layer's name, if the model has it; NotFound with the near ones."""
        if layer not in self.layers:
            raise NotFound(f"layer of {self.name}", layer, known=self.layers)
        return layer

    def own_or_given(self, height_px: int | None, width_px: int | None) -> tuple[int, int]:
        """The size that is meant: both given, or the model's own."""
        if height_px is None and width_px is None:
            return self.preprocessing.height_px, self.preprocessing.width_px
        if height_px is None or width_px is None:
            raise InvalidInput("Give both height and width of the input, or neither for the model's own size.")
        return height_px, width_px
