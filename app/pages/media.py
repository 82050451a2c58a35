"""Pictures and static files: content-addressed, so that browsers keep them for good."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from app.access.needs import needs
from app.answers import lasting_answer
from app.pictures import grey_png
from app.site import SiteDep
from store.errors import NotFound
from store.vocabulary import Band

router = APIRouter(include_in_schema=False)
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Index = Annotated[int, Path(ge=0)]


@router.get("/m/{digest}/sprite/{concept}/{band}.webp")
def sprite(digest: Digest, concept: Index, *, band: str, site: SiteDep) -> Response:
    """3 x 3 crops."""
    with site.shelf.reading(digest) as shelved:
        row = shelved.atlas.sprite(concept, _band(band))
    return lasting_answer(bytes(row["crops"]), "image/webp")


@router.get("/m/{digest}/sprite-heat/{concept}/{band}.png")
def sprite_heat(digest: Digest, concept: Index, *, band: str, site: SiteDep) -> Response:
    """Their heat."""
    with site.shelf.reading(digest) as shelved:
        row = shelved.atlas.sprite(concept, _band(band))
    return lasting_answer(bytes(row["heat"]), "image/png")


@router.get("/m/{digest}/thumb/{image}.webp")
def thumb(digest: Digest, image: str, *, site: SiteDep) -> Response:
    """A photo."""
    with site.shelf.reading(digest) as shelved:
        return lasting_answer(shelved.atlas.thumbnail(image), "image/webp")


@router.get("/m/{digest}/position/{concept}.png")
def position(digest: Digest, concept: Index, *, site: SiteDep) -> Response:
    """Mean activation map."""
    with site.shelf.reading(digest) as shelved:
        return lasting_answer(grey_png(shelved.atlas.position(concept)[0]), "image/png")


@router.get("/static/{digest}/{name:path}", dependencies=[needs(None, counts=None)])
def static(digest: str, name: str, *, site: SiteDep) -> Response:
    """A static file."""
    return lasting_answer(*site.static.read(digest, name))


def _band(name: str) -> Band:
    if name not in set(Band):
        raise NotFound("band", name, known=set(Band))
    return Band(name)
