"""Pictures and static files: content-addressed, so that browsers keep them for good."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from app.access.needs import needs
from app.answers import check_fresh, lasting_answer
from app.compress import choose_coding, coded_tag
from app.headers import IMMUTABLE
from app.pictures import grey_png
from app.site import SiteDep
from store.errors import NotFound
from store.vocabulary import Band

router = APIRouter(include_in_schema=False)
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Index = Annotated[int, Path(ge=0)]


@router.get("/m/{digest}/sprite/{concept}/{band}.webp")
def sprite(digest: Digest, concept: Index, *, band: str, request: Request, site: SiteDep) -> Response:
    """3 x 3 crops."""
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        row = shelved.atlas.sprite(concept, _band(band))
    return lasting_answer(bytes(row["crops"]), "image/webp", etag=etag)


@router.get("/m/{digest}/sprite-heat/{concept}/{band}.png")
def sprite_heat(digest: Digest, concept: Index, *, band: str, request: Request, site: SiteDep) -> Response:
    """Their heat."""
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        row = shelved.atlas.sprite(concept, _band(band))
    return lasting_answer(bytes(row["heat"]), "image/png", etag=etag)


@router.get("/m/{digest}/thumb/{image}.webp")
def thumb(digest: Digest, image: str, *, request: Request, site: SiteDep) -> Response:
    """A photo."""
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        return lasting_answer(shelved.atlas.thumbnail(image), "image/webp", etag=etag)


@router.get("/m/{digest}/position/{concept}.png")
def position(digest: Digest, concept: Index, *, request: Request, site: SiteDep) -> Response:
    """Mean activation map."""
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        return lasting_answer(grey_png(shelved.atlas.position(concept)[0]), "image/png", etag=etag)


@router.get("/static/{digest}/{name:path}", dependencies=[needs(None, counts=None)])
def static(digest: str, name: str, *, request: Request, site: SiteDep) -> Response:
    """A static file, in the smallest form that the client takes."""
    wanted = choose_coding(request.headers.get("accept-encoding", ""))
    etag = check_fresh(request, cache=IMMUTABLE)
    content, media_type, coding = site.static.read(digest, name, coding=wanted)
    response = lasting_answer(content, media_type, etag=coded_tag(etag, coding) if coding else etag)
    if coding:
        response.headers["Content-Encoding"] = coding
    return response


def _band(name: str) -> Band:
    if name not in set(Band):
        raise NotFound("band", name, known=set(Band))
    return Band(name)
