"""Alignments: all, and that of two dictionaries."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import data_etag, wrap
from app.makers.alignment import make_alignment, make_alignment_cards
from app.makers.alignment_asking import PARAMS, aligned, ask_alignment, stamp_of
from app.makers.together import make_together
from app.makers.together_asking import PARAMS as TOGETHER_PARAMS
from app.makers.together_asking import ask_together, check_slugs, together
from app.params import document, read_params
from app.site import SiteDep
from app.views.alignment import AlignmentCard, AlignmentView
from app.views.envelope import Envelope
from app.views.together import TogetherView

router = APIRouter(prefix=f"{urls.API}/alignments", tags=["alignments"])


@router.get("", operation_id="list_alignments", responses={200: {"model": Envelope[tuple[AlignmentCard, ...]]}})
def alignments(request: Request, site: SiteDep) -> Response:
    """All alignments between dictionaries that can be shown."""
    read_params(request)
    cards = make_alignment_cards(site)
    etag = data_etag(request, site, site.stamp(), *[card.links.html for card in cards])
    return data_answer(wrap(request, cards, html=urls.alignments()), etag=etag)


@router.get(
    "/{a}/{b}/{rest:path}",
    operation_id="get_dictionaries_together",
    openapi_extra=document(*TOGETHER_PARAMS),
    responses={200: {"model": Envelope[TogetherView]}},
)
def side_by_side(a: str, b: str, *, rest: str, request: Request, site: SiteDep) -> Response:
    """A third dictionary, or a third and a fourth (``rest``), beside two: concepts of the first, and their matches."""
    slugs = check_slugs((a, b, *rest.split("/")))
    asked = ask_together(read_params(request, *TOGETHER_PARAMS))
    etag = data_etag(request, site, site.stamp())
    with together(site, slugs) as found:
        view = make_together(found, asked)
    return data_answer(wrap(request, view, html=urls.together(slugs, asked.query), paging=view.paging), etag=etag)


@router.get(
    "/{a}/{b}",
    operation_id="get_alignment",
    openapi_extra=document(*PARAMS),
    responses={200: {"model": Envelope[AlignmentView]}},
)
def alignment(a: str, b: str, *, request: Request, site: SiteDep) -> Response:
    """Pairs, splits, or the concepts of one side that have no partner."""
    asked = ask_alignment(read_params(request, *PARAMS))
    etag = data_etag(request, site, stamp_of(site, a, b), site.stamp())
    with aligned(site, a, b) as one:
        view = make_alignment(one, asked)
    html = urls.alignment(a, b, query=asked.query)
    return data_answer(wrap(request, view, html=html, paging=view.paging), etag=etag)
