"""Concepts of one dictionary side by side."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import data_etag, wrap
from app.makers.beside import C, ask_beside, make_beside, write_beside
from app.params import document, note_query, read_params
from app.pinning import Pinned
from app.site import SiteDep
from app.views.beside import BesideView
from app.views.envelope import Envelope

router = APIRouter(prefix=f"{urls.API}/dictionaries", tags=["concepts"], dependencies=[Pinned])


@router.get(
    "/{slug}/compare",
    operation_id="compare_concepts",
    openapi_extra=document(C),
    responses={200: {"model": Envelope[BesideView]}},
)
def beside(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Up to four concepts side by side: numbers, strongest images, what joins each two, photos that they share."""
    entry = site.roster.get(slug)
    concepts = ask_beside(read_params(request, C))
    query = {"c": write_beside(concepts)}
    note_query(request, query.items())
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        view = make_beside(site, opened, concepts)
    return data_answer(wrap(request, view, html=urls.beside(slug, query), entry=entry), etag=etag)
