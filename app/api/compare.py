"""Dictionaries of one model and layer beside each other."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import data_etag, wrap
from app.makers.compare import COLLECTION, LAYER, MODEL, SORT, ask_compare, make_compare, twin_query
from app.params import document, read_params
from app.site import SiteDep
from app.views.compare import CompareView
from app.views.envelope import Envelope

router = APIRouter(prefix=urls.API, tags=["dictionaries"])


@router.get(
    "/compare",
    operation_id="compare_dictionaries",
    openapi_extra=document(MODEL, LAYER, COLLECTION, SORT),
    responses={200: {"model": Envelope[CompareView]}},
)
def compare(request: Request, site: SiteDep) -> Response:
    """All dictionaries of a model, layer and collection: numbers with nulls and ranks, and those that none beats."""
    asked = ask_compare(read_params(request, MODEL, LAYER, COLLECTION, SORT))
    etag = data_etag(request, site, site.stamp())
    view = make_compare(site, asked)
    return data_answer(wrap(request, view, html=urls.compare(twin_query(view))), etag=etag)
