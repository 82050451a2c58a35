"""Images that are shown as evidence, as columns of a file's table of images."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from store.collection import Collection

_AT_ONCE: Final = 256


def image_columns(collection: Collection, images: Iterable[int]) -> Iterator[dict[str, Any]]:
    """The images in their order with their thumbnails, some at a time."""
    ordered = sorted(images)
    for start in range(0, len(ordered), _AT_ONCE):
        rows = [collection.images[image] for image in ordered[start : start + _AT_ONCE]]
        thumbnails = [collection.thumbnail(row.image) for row in rows]
        yield {
            "image": [row.image for row in rows],
            "id": [row.id for row in rows],
            "source": [row.source for row in rows],
            "width": [row.width for row in rows],
            "height": [row.height for row in rows],
            "class": [row.class_name for row in rows],
            "split": [row.split.value for row in rows],
            "thumbnail": [thumbnail.webp for thumbnail in thumbnails],
            "thumbnail_width": [thumbnail.width for thumbnail in thumbnails],
            "thumbnail_height": [thumbnail.height for thumbnail in thumbnails],
        }
