"""The comparison of the dictionaries of one model and layer."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.compare import (
    COLLECTION,
    LAYER,
    MODEL,
    OF,
    SHOW,
    SORT,
    ask_compare,
    find_subject,
    make_compare,
    twin_query,
)
from app.makers.frames import plain_frame
from app.params import read_params
from app.site import SiteDep
from app.timing import timed

router = APIRouter(include_in_schema=False)


@router.get("/compare")
def compare(request: Request, site: SiteDep) -> Response:
    """Table and plots; what the form names is sent on to its own address."""
    values = read_params(request, MODEL, LAYER, COLLECTION, SORT, SHOW, OF, display=True)
    if values["of"]:
        return RedirectResponse(urls.compare(find_subject(site, values["of"]).query), 303)
    asked = ask_compare(values)
    etag = page_etag(request, site)
    with timed("data"):
        view = make_compare(site, asked)
    query = twin_query(view)
    frame = plain_frame(
        "compare",
        title=f"Compare {view.model_title}, {view.layer}" if view.rows else "Compare dictionaries",
        json_url=urls.with_query("/compare.json", query),
        api_url=urls.api_compare(query),
        base=str(request.base_url),
    )
    return page_answer(site, "compare/page.html", view=view, frame=frame, etag=etag)
