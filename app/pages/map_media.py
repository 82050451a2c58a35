"""Pictures and data of maps: the address holds the digest of the atlas and the version of the drawing."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.answers import check_fresh, lasting_answer
from app.compress import CHANNELS_TYPE
from app.headers import IMMUTABLE
from app.mapping import channels, picture, sheets
from app.mapping.atlas import Chart
from app.mapping.levels import DEEPEST
from app.mapping.sheets import make_crop_heat
from app.pages.media import Digest, Index
from app.site import Site, SiteDep
from store.atlas.shelf import OpenAtlas
from store.errors import NotFound
from store.vocabulary import Band, Layout

router = APIRouter(include_in_schema=False)


@router.get("/m/{digest}/map/{version}/{layout}/{columns}.bin")
def points(digest: Digest, version: str, layout: str, columns: str, *, request: Request, site: SiteDep) -> Response:
    """Columns of all concepts."""
    _check(version, channels.VERSION)
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        content = _chart(site, shelved, layout).packed(tuple(columns.split(",")))
    return lasting_answer(content, CHANNELS_TYPE, etag=etag)


@router.get("/m/{digest}/map/{version}/{layout}/{theme}.png")
def whole(digest: Digest, version: str, layout: str, theme: str, *, request: Request, site: SiteDep) -> Response:
    """All of the map."""
    _check(version, picture.VERSION)
    if theme not in ("light", "dark"):
        raise NotFound("picture of the map", theme, known=("light", "dark"))
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        content = _chart(site, shelved, layout).picture(theme)
    return lasting_answer(content, "image/png", etag=etag)


@router.get("/m/{digest}/map/{version}/{layout}/crops/{level}/{col}/{row}.webp")
def crops(
    digest: Digest, version: str, layout: str, level: Index, col: Index, row: Index, *, request: Request, site: SiteDep
) -> Response:
    """Crops of the concepts of a square."""
    _check(version, sheets.VERSION)
    place = f"{level}/{col}/{row}"
    if level > DEEPEST or max(col, row) >= 2**level:
        raise NotFound("sheet of crops", place, remedy=f"Levels go to {DEEPEST}, with 2^level squares each way.")
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        content = _chart(site, shelved, layout).sheet(level, col, row=row)
    return lasting_answer(content, "image/webp", etag=etag)


@router.get("/m/{digest}/crop/{concept}.webp")
def crop(digest: Digest, concept: Index, *, request: Request, site: SiteDep) -> Response:
    """What a concept answers to most."""
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        content = _chart(site, shelved, Layout.ATOMS).crop(concept)
    return lasting_answer(content, "image/webp", etag=etag)


@router.get("/m/{digest}/crop-heat/{concept}.png")
def crop_heat(digest: Digest, concept: Index, *, request: Request, site: SiteDep) -> Response:
    """Where in that crop."""
    etag = check_fresh(request, cache=IMMUTABLE)
    with site.shelf.reading(digest) as shelved:
        content = make_crop_heat(bytes(shelved.atlas.sprite(concept, Band.TOP)["heat"]))
    return lasting_answer(content, "image/png", etag=etag)


def _chart(site: Site, shelved: OpenAtlas, layout: str) -> Chart:
    if layout not in set(Layout):
        raise NotFound("layout of the map", layout, known=Layout)
    return Chart(shelved.atlas, shelved.concepts, site.drawings, layout=Layout(layout))


def _check(version: str, now: int) -> None:
    if version != str(now):
        raise NotFound("drawing of the map", f"version {version}", remedy=f"Load the page again: it is {now}.")
