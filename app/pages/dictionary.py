"""A dictionary's page, and the way to a concept by chance."""

import secrets

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.dictionaries import make_dictionary
from app.makers.frames import Place, dictionary_frame, make_switch
from app.makers.ranking import ranked_alive
from app.params import read_params
from app.site import Opened, SiteDep
from store.errors import NotFound

router = APIRouter(include_in_schema=False)


@router.get("/d/{slug}")
def dictionary(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Numbers, plots, provenance, mosaic."""
    entry = site.roster.get(slug)
    read_params(request, display=True)
    etag = page_etag(request, site)
    place = Place(
        kind="dictionary",
        title=entry.title,
        json_url=f"{urls.dictionary(slug)}.json",
        api_url=urls.api_dictionaries(slug),
        switch=make_switch(site.roster.entries(), slug, url_for=urls.dictionary),
    )
    with site.opened(entry) as opened:
        view = make_dictionary(site, opened)
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "dictionary/page.html", view=view, frame=frame, etag=etag)


@router.get("/d/{slug}/random")
def random_concept(slug: str, site: SiteDep) -> Response:
    """Leads to one of the living concepts by chance."""
    with site.opened(site.roster.get(slug)) as opened:
        chosen = secrets.choice(living(opened))
    return RedirectResponse(urls.concept(slug, chosen), 302, headers={"Cache-Control": "no-store"})


def living(opened: Opened) -> list[int]:
    """The concepts that fire; raises ``NotFound`` where none does."""
    alive = ranked_alive(opened)
    if not alive:
        raise NotFound("living concept", opened.entry.slug, remedy="All concepts of this dictionary are dead.")
    return alive
