"""The reference of the API, in a viewer that comes with the program."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.frames import plain_frame
from app.params import read_params
from app.site import SiteDep
from app.views.service import ReferenceView

router = APIRouter(include_in_schema=False)


@router.get("/api/docs")
def reference(request: Request, site: SiteDep) -> Response:
    """Every operation with its parameters and answers; requests can be tried."""
    read_params(request, display=True)
    etag = page_etag(request, site)
    frame = plain_frame(
        "reference",
        title="The API",
        json_url="/api/docs.json",
        api_url=urls.api_description(),
        base=str(request.base_url),
    )
    view = ReferenceView(description_url=urls.api_description())
    return page_answer(site, "reference.html", view=view, frame=frame, etag=etag)
