"""One concept and its parts."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import FOR_A_WHILE, data_answer
from app.api.wrap import data_etag, wrap
from app.makers.asking import Asked
from app.makers.concept import OF, make_classes, make_concept, make_histogram, make_neighbors, make_position
from app.makers.concepts import parse_concept
from app.params import Param, document, read_params, whole
from app.site import SiteDep
from app.views.concept import ClassRow, ConceptView, HistogramView, NeighborList, PositionView
from app.views.envelope import Envelope
from store.atlas.cursor import parse_limit
from store.atlas.grammar import Query
from store.vocabulary import Band, Neighbors

router = APIRouter(prefix=f"{urls.API}/dictionaries/{{slug}}/concepts/{{index}}", tags=["concepts"])
BAND = Param("band", "Which band of examples.", tuple(Band), Band.TOP)
_OF = Param("of", "Codes of patches, or peaks of images.", tuple(OF), "patch")
_BY = Param("by", "In which way neighbours are near; all four when empty.", tuple(Neighbors))
_MOST = Param("limit", "How many neighbours of each kind: 1 to 200.", default="20", schema=whole(1, 200))


@router.get(
    "",
    operation_id="get_concept",
    openapi_extra=document(BAND),
    responses={200: {"model": Envelope[ConceptView]}},
)
def concept(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """One concept with all its evidence."""
    entry = site.roster.get(slug)
    band = Band(read_params(request, BAND)["band"])
    etag = data_etag(request, site, entry, site.stamp())  # what answers to it elsewhere
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        view = make_concept(site, opened, number, asked=Asked(Query(), band=band))
    return data_answer(wrap(request, view, html=urls.concept(slug, number), entry=entry), etag=etag)


@router.get(
    "/histogram",
    operation_id="get_histogram",
    openapi_extra=document(_OF),
    responses={200: {"model": Envelope[HistogramView]}},
)
def histogram(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """Histogram of the concept's codes, log-spaced edges, zeros apart."""
    entry = site.roster.get(slug)
    of = read_params(request, _OF)["of"]
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        view = make_histogram(opened, number, of=of)
    return data_answer(wrap(request, view, html=urls.concept(slug, number), entry=entry), etag=etag, cache=FOR_A_WHILE)


@router.get("/position", operation_id="get_position", responses={200: {"model": Envelope[PositionView]}})
def position(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """Mean activation map over the collection."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        view = make_position(opened, number)
    return data_answer(wrap(request, view, html=urls.concept(slug, number), entry=entry), etag=etag, cache=FOR_A_WHILE)


@router.get(
    "/neighbors",
    operation_id="list_neighbors",
    openapi_extra=document(_BY, _MOST),
    responses={200: {"model": Envelope[tuple[NeighborList, ...]]}},
)
def neighbors(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """Near concepts, by kind."""
    entry = site.roster.get(slug)
    values = read_params(request, _BY, _MOST)
    limit = parse_limit(values["limit"], default=20)
    kinds = (Neighbors(values["by"]),) if values["by"] else tuple(Neighbors)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        data = make_neighbors(opened, number, kinds=kinds, limit=limit)
    return data_answer(wrap(request, data, html=urls.concept(slug, number), entry=entry), etag=etag)


@router.get("/classes", operation_id="list_classes", responses={200: {"model": Envelope[tuple[ClassRow, ...]]}})
def classes(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The concept's answer to each class."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        data = make_classes(opened, number)
    return data_answer(wrap(request, data, html=urls.concept(slug, number), entry=entry), etag=etag, cache=FOR_A_WHILE)
