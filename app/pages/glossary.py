"""The glossary."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.frames import plain_frame
from app.makers.terms import make_glossary
from app.params import read_params
from app.site import SiteDep

router = APIRouter(include_in_schema=False)


@router.get("/glossary")
def glossary(request: Request, site: SiteDep) -> Response:
    """Definitions of all numbers."""
    read_params(request, display=True)
    etag = page_etag(request, site)
    frame = plain_frame(
        "glossary",
        title="Glossary",
        json_url="/glossary.json",
        api_url=urls.api_glossary(),
        base=str(request.base_url),
    )
    return page_answer(site, "glossary.html", view=make_glossary(), frame=frame, etag=etag)
