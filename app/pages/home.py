"""Home: the model shelf, and the way to each page of the tour."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.dictionaries import make_home
from app.makers.frames import plain_frame
from app.makers.tour import make_tour
from app.params import read_params
from app.site import SiteDep
from app.timing import timed
from store.errors import NotFound

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, site: SiteDep) -> Response:
    """All models and their dictionaries."""
    read_params(request, display=True)
    etag = page_etag(request, site)
    with timed("data"):
        view = make_home(site)
    frame = plain_frame(
        "home", title="Home", json_url="/index.json", api_url=urls.api_root(), base=str(request.base_url)
    )
    return page_answer(site, "home.html", view=view, frame=frame, etag=etag)


@router.get("/tour/{number}")
def tour(number: int, site: SiteDep) -> Response:
    """Leads to a page of the tour."""
    steps = make_tour(site)
    if not 1 <= number <= len(steps):
        raise NotFound("step of the tour", str(number), remedy=f"It has {len(steps)}; the home page lists them.")
    return RedirectResponse(steps[number - 1].url, 302, headers={"Cache-Control": "no-store"})
