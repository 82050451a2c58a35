"""The design page: every shared piece in every state, for who builds pages."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.design import make_design
from app.makers.frames import plain_frame
from app.params import read_params
from app.site import SiteDep

router = APIRouter(include_in_schema=False)


@router.get("/design")
def design(request: Request, site: SiteDep) -> Response:
    """All pieces with drawn data; no store is read."""
    read_params(request, display=True)
    etag = page_etag(request, site)
    frame = plain_frame(
        "design", title="Design", json_url="/design.json", api_url=urls.api_root(), base=str(request.base_url)
    )
    return page_answer(site, "design/page.html", view=make_design(), frame=frame, etag=etag)
