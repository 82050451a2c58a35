"""The bundled models, as both programs know them: layers, shapes and speed; a test compares them with the networks."""

from dataclasses import dataclass
from typing import Final

from store.grid import Grid


@dataclass(frozen=True)
class Layer:
    """A layer that can be read: one patch per ``stride_px`` pixels of the input, ``width`` numbers each."""

    name: str
    stride_px: int
    width: int


@dataclass(frozen=True)
class BundledModel:
    """A model whose weights come as a package.

    ``megapixels_per_s`` is what extraction reads on two CPU cores, from the demo's jobs; Lite1 and Lite2 by their
    multiply-adds against Lite0's.
    """

    name: str
    title: str
    height_px: int
    width_px: int
    layers: tuple[Layer, ...]
    megapixels_per_s: float
    n_class: int = 0

    def find_layer(self, name: str) -> Layer | None:
        """The layer of that name."""
        return next((layer for layer in self.layers if layer.name == name), None)

    def grid(self, layer: Layer, height_px: int | None, width_px: int | None) -> Grid:
        """The patches of an input of that size; of the model's own size where none is given."""
        height, width = height_px or self.height_px, width_px or self.width_px
        return Grid(-(-height // layer.stride_px), -(-width // layer.stride_px))


def _stages(*widths: int, last: int) -> tuple[Layer, ...]:
    strides = (2, 4, 8, 16, 16, 32, 32)
    blocks = [
        Layer(f"blocks.{i}", stride, width) for i, (stride, width) in enumerate(zip(strides, widths, strict=True))
    ]
    return (*blocks, Layer("final", 32, last))


_LITE: Final = (16, 24, 40, 80, 112, 192, 320)
_VIT: Final = tuple(Layer(name, 14, 384) for name in (*(f"blocks.{i}" for i in range(12)), "norm"))

BUNDLED: Final = {
    model.name: model
    for model in (
        BundledModel("efficientnet-lite0", "EfficientNet-Lite0", 224, 224, _stages(*_LITE, last=1280), 1.9),
        BundledModel("efficientnet-lite1", "EfficientNet-Lite1", 240, 240, _stages(*_LITE, last=1280), 1.5),
        BundledModel(
            "efficientnet-lite2", "EfficientNet-Lite2", 260, 260, _stages(16, 24, 48, 88, 120, 208, 352, last=1280), 1.2
        ),
        BundledModel("mobilenet-v2", "MobileNetV2", 160, 160, _stages(16, 24, 32, 64, 96, 160, 320, last=1280), 2.7),
        BundledModel("saliency-vit-s14", "Saliency ViT-S/14", 224, 224, _VIT, 0.54, n_class=1),
    )
}
