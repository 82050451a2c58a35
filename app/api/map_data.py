"""The map: as JSON with the names of clusters, as small numbers, as a picture, and which concepts meet a filter."""

from typing import Any

import numpy as np
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer, tagged
from app.api.wrap import build_etag, data_etag, wrap
from app.compress import CHANNELS_TYPE
from app.makers.asking import ask_api
from app.makers.map import COLUMNS_PARAM, chart_of, make_map
from app.makers.map_asking import LAYOUT, OWN, ask_map, read_layout
from app.params import AT, Param, document, note_query, read_params
from app.pinning import Pinned
from app.site import SiteDep
from app.views.envelope import Envelope
from app.views.map import MapView

router = APIRouter(prefix=f"{urls.API}/dictionaries/{{slug}}", tags=["map"], dependencies=[Pinned])
_POINTS = Param("points", "`0` leaves the points out.", choices=("0", "1"), default="1")
_THEME = Param("theme", "For which ground.", choices=("light", "dark"), default="light")
_BINARY: dict[int | str, dict[str, Any]] = {200: {"content": {CHANNELS_TYPE: {}}}}
_MASK: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
_PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


@router.get(
    "/map",
    operation_id="get_map",
    openapi_extra=document(*OWN, _POINTS, grammar=True),
    responses={200: {"model": Envelope[MapView]}},
)
def whole(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Places of all concepts, clusters with the reasons for their names, what is in view and what is selected.

    Distance on the map is not similarity: neighbours are (`GET .../concepts/{index}/neighbors`).
    """
    entry = site.roster.get(slug)
    pairs = request.query_params.multi_items()
    with site.opened(entry) as opened:
        asked = ask_map(pairs, opened, other=("points", AT))
        points = dict(pairs).get("points", "1")
        note_query(request, (*asked.pairs, ("points", "" if points == "1" else points)))
        etag = data_etag(request, site, entry)
        view = make_map(site, opened, asked, with_points=points != "0")
    return data_answer(wrap(request, view, html=urls.map_page(slug, asked.pairs), entry=entry), etag=etag)


@router.get(
    "/map.bin",
    operation_id="get_map_channels",
    response_class=Response,
    responses=_BINARY,
    openapi_extra=document(COLUMNS_PARAM, LAYOUT),
)
def binary(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Columns of all concepts as small whole numbers, little-endian; `docs/map.md` has the layout."""
    entry = site.roster.get(slug)
    given = read_params(request, COLUMNS_PARAM, LAYOUT)
    names = tuple(part.strip() for part in given["columns"].split(","))
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        content = chart_of(site, opened, read_layout(given["layout"], opened)).packed(names)
    return tagged(Response(content, media_type=CHANNELS_TYPE), etag)


@router.get(
    "/map.png",
    operation_id="get_map_picture",
    response_class=Response,
    responses=_PICTURE,
    openapi_extra=document(_THEME, LAYOUT),
)
def drawn(slug: str, request: Request, *, site: SiteDep) -> Response:
    """All of the map as a picture of 1000 x 700 px, coloured by cluster."""
    entry = site.roster.get(slug)
    given = read_params(request, _THEME, LAYOUT)
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        content = chart_of(site, opened, read_layout(given["layout"], opened)).picture(given["theme"])
    return tagged(Response(content, media_type="image/png"), etag)


@router.get(
    "/map/mask.bin",
    operation_id="get_map_mask",
    response_class=Response,
    responses=_MASK,
    openapi_extra=document(grammar=True),
)
def mask(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Which concepts meet a filter: one bit each in the order of indices, the lowest bit of each byte first."""
    entry = site.roster.get(slug)
    query = ask_api(request.query_params.multi_items()).query
    note_query(request, query.pairs)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        content = np.packbits(opened.concepts.mask(query), bitorder="little").tobytes()
    return tagged(Response(content, media_type="application/octet-stream"), etag)
