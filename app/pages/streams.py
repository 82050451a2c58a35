"""What the models of a universal dictionary share."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import fragment_answer, page_answer, page_etag
from app.makers.frames import Place, dictionary_frame, make_switch
from app.makers.streams import SLIDERS, make_between, make_streams
from app.params import Param, read_params
from app.site import SiteDep
from app.views.base import Crumb
from store.errors import NotFound

router = APIRouter(include_in_schema=False)
ENDS = tuple(Param(name, title) for name, _, title, *_ in SLIDERS)


@router.get("/d/{slug}/streams")
def streams(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The page."""
    entry = site.roster.get(slug)
    given = read_params(request, *ENDS, display=True)
    etag = page_etag(request, site)
    universal = tuple(one for one in site.roster.entries() if one.method == "universal")
    place = Place(
        kind="streams",
        title=f"What its models share: {entry.title}",
        json_url=f"{urls.streams(slug)}.json",
        api_url=urls.api_dictionaries(slug, "streams"),
        trail=(Crumb(label="Models"),),
        switch=make_switch(universal, slug, url_for=urls.streams),
    )
    with site.opened(entry) as opened:
        if not opened.atlas.is_universal:
            remedy = f"It reads {entry.model_title} alone; universal dictionaries have this page."
            raise NotFound("page about the models of dictionary", slug, remedy=remedy)
        view = make_streams(site, opened, given)
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "streams/page.html", view=view, frame=frame, etag=etag)


@router.get("/_f/d/{slug}/streams")
def between(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The concepts between the ends of the sliders; the browser's address becomes the page's."""
    entry = site.roster.get(slug)
    given = read_params(request, *ENDS, display=True)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        view = make_between(opened, given)
    response = fragment_answer(site, "streams/_between.html", view=view, etag=etag)
    query = [(name, value) for name, value in given.items() if value]
    response.headers["HX-Push-Url"] = urls.streams(slug, query)
    return response
