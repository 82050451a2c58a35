"""Images of collections as photos to explain."""

from collections.abc import Sequence

from app.roster import Entry
from app.site import Site
from store.collection import Collection
from store.encoding.contract import CollectionPhoto
from store.errors import InvalidInput, NotFound
from store.vocabulary import Kind


def collection_photo(site: Site, entries: Sequence[Entry], *, image: str, collection: str = "") -> CollectionPhoto:
    """An image by its public id, or by its place in the collection; raises ``NotFound``, ``InvalidInput``."""
    chosen = next((one for one in site.roster.entries() if one.collection == collection), None)
    if collection and chosen is None:
        raise NotFound("collection", collection, known={one.collection for one in site.roster.entries()})
    digest = (chosen or entries[0]).collection_digest
    rows = Collection(site.artifacts.get(Kind.COLLECTION, digest)).images
    if len(image) < 16 and image.isascii() and image.isdecimal():
        if int(image) >= len(rows):
            raise NotFound("image", image, remedy=f"The collection has the images 0 to {len(rows) - 1}.")
        return CollectionPhoto(collection=digest, image=rows[int(image)].id)
    if len(image) != 16:
        raise InvalidInput("An image is named by its id of 16 hexadecimal digits, or by its place in the collection.")
    if all(row.id != image for row in rows):
        raise NotFound("image", image, remedy="This collection has no such image.")
    return CollectionPhoto(collection=digest, image=image)
