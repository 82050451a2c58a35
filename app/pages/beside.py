"""Concepts of one dictionary side by side."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.beside import C, ask_beside, make_beside, write_beside
from app.makers.frames import Place, dictionary_frame, make_switch
from app.params import note_query, read_params
from app.site import SiteDep
from app.views.base import Crumb

router = APIRouter(include_in_schema=False)


@router.get("/d/{slug}/compare")
def beside(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The page."""
    entry = site.roster.get(slug)
    concepts = ask_beside(read_params(request, C, display=True))
    query = {"c": write_beside(concepts)}
    note_query(request, query.items())
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        view = make_beside(site, opened, concepts)
        names = [one.card.name for one in view.concepts]
        place = Place(
            kind="beside",
            title=f"{', '.join(names) or 'Concepts'} side by side",
            json_url=urls.with_query(f"{urls.beside(slug)}.json", query),
            api_url=urls.api_dictionaries(slug, "compare", query=query),
            trail=(Crumb(label="Concepts", url=urls.concepts(slug)), Crumb(label="Side by side")),
            switch=make_switch(site.roster.entries(), slug, url_for=urls.concepts),
        )
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "beside/page.html", view=view, frame=frame, etag=etag)
