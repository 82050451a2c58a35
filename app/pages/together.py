"""Three or four dictionaries side by side."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.frames import plain_frame
from app.makers.together import make_together
from app.makers.together_asking import PARAMS, ask_together, check_slugs, together
from app.params import read_params
from app.site import SiteDep
from app.timing import timed
from app.views.base import Crumb

router = APIRouter(include_in_schema=False)
_CRUMB = Crumb(label="Alignments", url=urls.alignments())


@router.get("/align/{a}/{b}/{rest:path}")
def side_by_side(a: str, b: str, *, rest: str, request: Request, site: SiteDep) -> Response:
    """The page; the first of them leads."""
    slugs = check_slugs((a, b, *rest.split("/")))
    asked = ask_together(read_params(request, *PARAMS, display=True))
    etag = page_etag(request, site)
    with together(site, slugs) as found, timed("data"):
        view = make_together(found, asked)
    frame = plain_frame(
        "together",
        title=" · ".join(member.label for member in view.members),
        json_url=urls.with_query(f"{urls.together(slugs)}.json", asked.query),
        api_url=urls.api_together(slugs, asked.query),
        base=str(request.base_url),
        trail=(_CRUMB,),
    )
    return page_answer(site, "alignment/together.html", view=view, frame=frame, etag=etag)
