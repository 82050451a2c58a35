"""One concept and its parts."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import build_etag, data_etag, wrap
from app.formats import TABLE, choose_format, limit_of, limit_param
from app.makers.concept import make_concept, make_neighbors, make_position
from app.makers.concept_asking import BALANCE, BY, make_asked
from app.makers.concept_bands import OF, make_histograms
from app.makers.concept_classes import make_classes
from app.makers.concepts import parse_concept
from app.params import Param, document, read_params, whole
from app.pinning import Pinned
from app.site import SiteDep
from app.tables import Around, Listed, list_answer
from app.views.concept import ClassRow, ConceptView, HistogramView, Neighbor, NeighborList, PositionView
from app.views.envelope import Envelope
from store.sheets import Format
from store.vocabulary import Band, Neighbors

router = APIRouter(
    prefix=f"{urls.API}/dictionaries/{{slug}}/concepts/{{index}}", tags=["concepts"], dependencies=[Pinned]
)
BAND = Param("band", "Which band of examples.", tuple(Band), Band.TOP)
_OF = Param("of", "Codes of patches, or peaks of images.", tuple(OF), "patch")
_BY = Param("by", "In which way neighbours are near; all four when empty.", tuple(Neighbors))
_MOST = Param("limit", "How many neighbours of each kind: 1 to 200.", default="20", schema=whole(1, 200))


@router.get(
    "",
    operation_id="get_concept",
    openapi_extra=document(BAND, BALANCE, BY),
    responses={200: {"model": Envelope[ConceptView]}},
)
def concept(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """One concept with all its evidence."""
    entry = site.roster.get(slug)
    asked = make_asked(read_params(request, BAND, BALANCE, BY))
    etag = data_etag(request, site, entry, site.stamp())  # what answers to it elsewhere
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        view = make_concept(site, opened, number, asked=asked)
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
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        view = next(one for one in make_histograms(opened, number) if one.of == of)
    return data_answer(wrap(request, view, html=urls.concept(slug, number), entry=entry), etag=etag)


@router.get("/position", operation_id="get_position", responses={200: {"model": Envelope[PositionView]}})
def position(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """Mean activation map over the collection."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        view = make_position(opened, number)
    return data_answer(wrap(request, view, html=urls.concept(slug, number), entry=entry), etag=etag)


@router.get(
    "/neighbors",
    operation_id="list_neighbors",
    openapi_extra=document(_BY, _MOST, *TABLE),
    responses={200: {"model": Envelope[tuple[NeighborList, ...]]}},
)
def neighbors(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """Near concepts, by kind."""
    entry = site.roster.get(slug)
    form = choose_format(request)
    values = read_params(request, _BY, limit_param(_MOST, form), *TABLE)
    limit = limit_of(values["limit"], form, default=20)
    kinds = (Neighbors(values["by"]),) if values["by"] else tuple(Neighbors)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        data = make_neighbors(opened, number, kinds=kinds, limit=limit)
    around = Around(etag, urls.concept(slug, number), entry)
    return list_answer(request, _neighbors(data, form, f"{slug}-{number}-neighbors"), values["fields"], around=around)


def _neighbors(data: tuple[NeighborList, ...], form: Format | None, name: str) -> Listed:
    """By kind; of a table each neighbour is a row."""
    if form is None:
        return Listed(NeighborList, data, name)
    rows = [{"kind": kind.kind} | one.model_dump(mode="json", by_alias=True) for kind in data for one in kind.neighbors]
    return Listed(Neighbor, rows, name, extra=("kind",))


@router.get(
    "/classes",
    operation_id="list_classes",
    openapi_extra=document(BY, *TABLE),
    responses={200: {"model": Envelope[tuple[ClassRow, ...]]}},
)
def classes(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The concept's answer to each class."""
    entry = site.roster.get(slug)
    choose_format(request)
    values = read_params(request, BY, *TABLE)
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        data = make_classes(opened, number, by=values["by"])
    around = Around(etag, urls.concept(slug, number), entry)
    return list_answer(request, Listed(ClassRow, data, f"{slug}-{number}-classes"), values["fields"], around=around)
