"""The examples of one band of a concept: numbers, maps, pictures."""

from typing import TYPE_CHECKING, Any

import numpy as np

from conceptoscope.arrays import Floats, heat_of, stacked
from conceptoscope.asking import Ask, Plan, Together
from conceptoscope.pictures import OPACITY, cropped, from_pixels, open_picture, overlaid
from conceptoscope.resource import D, Resource, call
from conceptoscope.views import ExampleRow, ExampleTile

if TYPE_CHECKING:
    from PIL import Image


class Examples(ExampleRow, Resource[D]):
    """Examples of one band, strongest first; ``tiles`` are their numbers."""

    def __init__(self, data: dict[str, Any], driver: D) -> None:
        super().__init__(data)
        self._set(_driver=driver)

    def __len__(self) -> int:
        return len(self.as_json["tiles"])

    def heat(self) -> Floats:
        """Codes of each example's patches, float32 ``[n h w]``; stored in 255 steps of its own peak."""
        maps = (heat_of(tile["heat"], tile["heat_scale"]) for tile in self.as_json["tiles"])
        return stacked(maps, rows=self.rows, cols=self.cols)

    @call
    def pil(
        self, *, overlay: bool = False, crop: bool = False, shared_scale: bool = False, opacity: float = OPACITY
    ) -> "Plan[list[Image.Image]]":
        """The photos as Pillow images, with heat over them, cropped to a square around the peak.

        Heat is bright at the photo's own peak, with ``shared_scale`` at the concept's largest code.
        """
        replies = yield Together(tuple(self._ask(Ask("GET", tile.links.thumbnail)) for tile in self.tiles))
        pictures = [open_picture(reply.content).convert("RGB") for reply in replies]
        if overlay:
            pictures = [
                _drawn(picture, tile, shared_scale=shared_scale, opacity=opacity)
                for picture, tile in zip(pictures, self.tiles, strict=True)
            ]
        return [cropped(one, tile.crop) if crop else one for one, tile in zip(pictures, self.tiles, strict=True)]


def _drawn(picture: "Image.Image", tile: ExampleTile, *, shared_scale: bool, opacity: float) -> "Image.Image":
    heat = heat_of(tile.as_json["heat"], tile.rel if shared_scale else 1.0)
    return from_pixels(overlaid(np.asarray(picture), heat, seen=tile.seen, opacity=opacity))
