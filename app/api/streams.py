"""The streams of a dictionary: its models, how they reconstruct each other, and a concept in each of them."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.concept import BAND
from app.api.wrap import data_etag, wrap
from app.makers.concept_streams import N_PHOTOS, make_concept_streams
from app.makers.concepts import parse_concept
from app.makers.streams import make_cross_r2, make_streams
from app.params import Param, document, read_params, whole
from app.site import SiteDep
from app.views.envelope import Envelope
from app.views.streams import ConceptStreams, CrossR2, StreamsView
from store.atlas.cursor import parse_limit
from store.vocabulary import Band

router = APIRouter(prefix=f"{urls.API}/dictionaries/{{slug}}", tags=["streams"])
_LIMIT = Param("limit", "How many photos to return.", default=str(N_PHOTOS), schema=whole(1, 200))


@router.get("/streams", operation_id="list_streams", responses={200: {"model": Envelope[StreamsView]}})
def streams(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The models that a dictionary reads; of a universal one also what they share and what is one's own."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry, site.stamp())  # which other dictionaries read the same layers
    with site.opened(entry) as opened:
        view = make_streams(site, opened)
    html = urls.streams(slug) if len(view.streams) > 1 else urls.dictionary(slug)
    return data_answer(wrap(request, view, html=html, entry=entry), etag=etag)


@router.get("/cross_r2", operation_id="get_cross_r2", responses={200: {"model": Envelope[tuple[CrossR2, ...]]}})
def cross_r2(slug: str, request: Request, *, site: SiteDep) -> Response:
    """R2 of every stream from every stream, with references and nulls; empty for a dictionary of one model."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        rows = make_cross_r2(opened)
    return data_answer(wrap(request, rows, html=urls.dictionary(slug), entry=entry), etag=etag)


@router.get(
    "/concepts/{index}/streams",
    operation_id="get_concept_streams",
    openapi_extra=document(BAND, _LIMIT),
    responses={200: {"model": Envelope[ConceptStreams]}},
)
def concept_streams(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """A concept of a universal dictionary in each of its models, on the same photos."""
    entry = site.roster.get(slug)
    values = read_params(request, BAND, _LIMIT)
    limit = parse_limit(values["limit"], default=N_PHOTOS)
    etag = data_etag(request, site, entry, site.stamp())
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        view = make_concept_streams(site, opened, number, band=Band(values["band"]), limit=limit)
    return data_answer(wrap(request, view, html=view.links.html, entry=entry), etag=etag)
