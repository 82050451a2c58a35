"""Images of a collection."""

from typing import TYPE_CHECKING, Any

from conceptoscope.asking import Ask, Plan, get
from conceptoscope.pictures import open_picture
from conceptoscope.resource import D, Resource, call
from conceptoscope.views import ImageCard, ImageView

if TYPE_CHECKING:
    from PIL import Image as Pictures


class Image(ImageCard, Resource[D]):
    """An image that serves as evidence for a dictionary."""

    dictionary: str
    """Slug of the dictionary."""

    def __init__(self, data: dict[str, Any], driver: D, *, dictionary: str) -> None:
        super().__init__(data)
        self._set(_driver=driver, dictionary=dictionary)

    @call
    def detail(self, *, concept: int | None = None, patch: tuple[int, int] | None = None) -> Plan[ImageView]:
        """What fires where; also one concept's map, and all that fires on one patch (row, column)."""
        ask = get("images", self.id, dictionary=self.dictionary, concept=concept, patch=patch)
        return (yield from self._record(ask, ImageView))

    @call
    def pil(self) -> "Plan[Pictures.Image]":
        """Its thumbnail."""
        return open_picture((yield from self._ask(Ask("GET", self.links.thumbnail))).content)
