"""Examples of a concept, and their activation maps as PNG, JSON or NumPy file."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import tagged
from app.api.concept import BAND
from app.api.wrap import build_etag
from app.flat import field_names
from app.formats import TABLE, choose_format, limit_of, limit_param
from app.makers.concept_asking import BALANCE
from app.makers.concepts import parse_concept
from app.makers.examples import make_examples
from app.params import Param, document, is_whole, read_params, whole
from app.pictures import as_rows, grey_png, npy_bytes
from app.pinning import Pinned
from app.site import Opened, SiteDep
from app.tables import Around, Listed, envelope_answer, list_answer
from app.views.concept import ExampleRow, ExampleTile
from app.views.envelope import Envelope
from app.views.service import HeatValues
from store.errors import NotFound
from store.vocabulary import Band

router = APIRouter(
    prefix=f"{urls.API}/dictionaries/{{slug}}/concepts/{{index}}/examples", tags=["examples"], dependencies=[Pinned]
)
_INCLUDE = Param("include", "heat: each example's activation map as numbers, too.", ("heat",))
_LIMIT = Param("limit", "How many to return: 1 to 200.", default="16", schema=whole(1, 200))
FORMATS = {"png": "image/png", "json": "application/json", "npy": "application/octet-stream"}


@router.get(
    "",
    operation_id="list_examples",
    openapi_extra=document(BAND, BALANCE, _INCLUDE, _LIMIT, *TABLE),
    responses={200: {"model": Envelope[ExampleRow]}},
)
def examples(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The examples of one band, strongest first, or the classes in turn."""
    entry = site.roster.get(slug)
    form = choose_format(request)
    values = read_params(request, BAND, BALANCE, _INCLUDE, limit_param(_LIMIT, form), *TABLE)
    band, limit = Band(values["band"]), limit_of(values["limit"], form, default=16)
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        row = make_examples(opened, number, band=band, limit=limit, is_balanced=bool(values["balance"]))
        if values["include"]:
            row = row.model_copy(update={"tiles": tuple(_with_heat(opened, number, tile) for tile in row.tiles)})
    around = Around(etag, urls.concept(slug, number, query={"band": band.value}), entry)
    listed = Listed(ExampleTile, row.tiles, f"{slug}-{number}-{band}")
    if form:
        usual = ",".join(name for name in field_names(ExampleTile) if name != "heat" or values["include"])
        return list_answer(request, listed, values["fields"] or usual, around=around)
    chosen = listed.chosen(values["fields"])
    data = row if chosen is row.tiles else row.model_dump(mode="json", by_alias=True) | {"tiles": chosen}
    return envelope_answer(request, data, around=around)


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
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        content = _content(opened, parse_concept(opened, index), band, rank=int(rank), kind=kind)
    return tagged(Response(content, media_type=FORMATS[kind]), etag)


def _content(opened: Opened, concept: int, band: Band, *, rank: int, kind: str) -> bytes:
    values, scale = opened.atlas.heat(concept, band, rank=rank)
    if kind == "png":
        return grey_png(values)
    if kind == "npy":
        return npy_bytes(values)
    rows, cols = values.shape
    return HeatValues(rows=rows, cols=cols, scale=scale, map=as_rows(values)).model_dump_json().encode()
