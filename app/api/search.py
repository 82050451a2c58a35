"""Search: ids, labels, classes, notes."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import data_etag, wrap
from app.makers.search import PARAMS, ask_search, make_search
from app.params import document, read_params
from app.site import SiteDep
from app.timing import timed
from app.views.envelope import Envelope
from app.views.search import SearchView
from store.atlas.grammar import BadQuery, Fault

router = APIRouter(prefix=f"{urls.API}/search", tags=["search"])


@router.get(
    "", operation_id="search", openapi_extra=document(*PARAMS), responses={200: {"model": Envelope[SearchView]}}
)
def search(request: Request, site: SiteDep) -> Response:
    """What stands where, by kind, each with the reason; the first of each kind, or a page of one ``type``."""
    asked = ask_search(read_params(request, *PARAMS))
    if not asked.words:
        raise BadQuery(Fault("q", "'q' is missing: give the words to look for."))
    etag = data_etag(request, site, site.stamp())
    with timed("data"):
        view = make_search(site, asked)
    return data_answer(wrap(request, view, html=urls.search(asked.pairs()), paging=view.paging), etag=etag)
