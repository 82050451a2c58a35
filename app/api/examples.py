"""Examples of a concept, and their activation maps as PNG, JSON or NumPy file."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import FOR_A_WHILE, data_answer
from app.api.concept import BAND
from app.api.wrap import data_etag, wrap
from app.makers.concepts import parse_concept
from app.makers.examples import make_examples
from app.params import Param, document, is_whole, read_params, whole
from app.pictures import as_rows, grey_png, npy_bytes
from app.site import Opened, SiteDep
from app.views.concept import ExampleRow, ExampleTile
from app.views.envelope import Envelope
from app.views.service import HeatValues
from store.atlas.cursor import parse_limit
from store.errors import NotFound
from store.vocabulary import Band

router = APIRouter(prefix=f"{urls.API}/dictionaries/{{slug}}/concepts/{{index}}/examples", tags=["examples"])
_INCLUDE = Param("include", "heat: each example's activation map as numbers, too.", ("heat",))
_LIMIT = Param("limit", "How many to return: 1 to 200.", default="16", schema=whole(1, 200))
FORMATS = {"png": "image/png", "json": "application/json", "npy": "application/octet-stream"}


@router.get(
    "",
    operation_id="list_examples",
    openapi_extra=document(BAND, _INCLUDE, _LIMIT),
    responses={200: {"model": Envelope[ExampleRow]}},
)
def examples(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The examples of one band, strongest first."""
    entry = site.roster.get(slug)
    values = read_params(request, BAND, _INCLUDE, _LIMIT)
    band, limit = Band(values["band"]), parse_limit(values["limit"], default=16)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        row = make_examples(opened, number, band=band, limit=limit)
        if values["include"]:
            row = row.model_copy(update={"tiles": tuple(_with_heat(opened, number, tile) for tile in row.tiles)})
    html = urls.concept(slug, number, query={"band": band.value})
    return data_answer(wrap(request, row, html=html, entry=entry), etag=etag, cache=FOR_A_WHILE)


def _with_heat(opened: Opened, concept: int, tile: ExampleTile) -> ExampleTile:
    values, _ = opened.atlas.heat(concept, Band(tile.band), rank=tile.rank)
    return tile.model_copy(update={"heat": as_rows(values)})


@router.get(
    "/{rank}/{name}",
    operation_id="get_heat",
    openapi_extra=document(BAND),
    responses={
        200: {
            "model": HeatValues,
            "description": "heat.png, heat.json, heat.npy; heat is heat.json",
            "content": {kind: {} for kind in FORMATS.values() if kind != "application/json"},
        }
    },
)
def heat(slug: str, index: str, *, rank: str, name: str, request: Request, site: SiteDep) -> Response:
    """One activation map: uint8, 255 = the example's own peak."""
    entry = site.roster.get(slug)
    band = Band(read_params(request, BAND)["band"])
    kind = (name.removeprefix("heat").removeprefix(".") or "json") if name.startswith("heat") else ""
    if kind not in FORMATS:
        raise NotFound("file", name, known=[f"heat.{known}" for known in FORMATS])
    if not is_whole(rank):
        raise NotFound("example", rank, remedy="Ranks are whole numbers from 0.")
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        content = _content(opened, parse_concept(opened, index), band, rank=int(rank), kind=kind)
    return Response(content, media_type=FORMATS[kind], headers={"ETag": etag, "Cache-Control": FOR_A_WHILE})


def _content(opened: Opened, concept: int, band: Band, *, rank: int, kind: str) -> bytes:
    values, scale = opened.atlas.heat(concept, band, rank=rank)
    if kind == "png":
        return grey_png(values)
    if kind == "npy":
        return npy_bytes(values)
    rows, cols = values.shape
    return HeatValues(rows=rows, cols=cols, scale=scale, map=as_rows(values)).model_dump_json().encode()
