"""The search page."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.frames import plain_frame
from app.makers.search import PARAMS, ask_search, make_search
from app.params import read_params
from app.site import SiteDep
from app.timing import timed

router = APIRouter(include_in_schema=False)


@router.get("/search")
def search(request: Request, site: SiteDep) -> Response:
    """What was found, by kind."""
    asked = ask_search(read_params(request, *PARAMS, display=True))
    etag = page_etag(request, site)
    with timed("data"):
        view = make_search(site, asked)
    query = (*asked.pairs(), ("cursor", asked.cursor))
    frame = plain_frame(
        "search",
        title=f"Search: {asked.q}" if asked.q else "Search",
        json_url=urls.with_query("/search.json", query),
        api_url=urls.api_search(query),
        base=str(request.base_url),
        q=asked.q,
    )
    return page_answer(site, "search/page.html", view=view, frame=frame, etag=etag)
