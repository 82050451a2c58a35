"""The concept grid, whole and as a fragment."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import fragment_answer, page_answer, page_etag
from app.makers.asking import Asked, ask_page
from app.makers.frames import Place, dictionary_frame, make_switch
from app.makers.grid import make_grid
from app.params import note_query
from app.site import Site, SiteDep
from app.views.base import Choice, Crumb

router = APIRouter(include_in_schema=False)


@router.get("/d/{slug}/c")
def concepts(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The page."""
    entry = site.roster.get(slug)
    asked = ask_page(request.query_params.multi_items())
    note_query(request, asked.whole)
    etag = page_etag(request, site)
    place = Place(
        kind="concepts",
        title=f"Concepts of {entry.title}",
        json_url=urls.with_query(f"{urls.concepts(slug)}.json", asked.whole),
        api_url=urls.api_dictionaries(slug, "concepts", query=api_query(asked)),
        trail=(Crumb(label="Concepts"),),
        switch=_switch(site, slug, asked),
        q=asked.query.q,
    )
    with site.opened(entry) as opened:
        view = make_grid(opened, asked)
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "concepts/page.html", view=view, frame=frame, etag=etag)


@router.get("/_f/d/{slug}/c")
def results(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The results alone; the browser's address becomes the page's."""
    entry = site.roster.get(slug)
    asked = ask_page(request.query_params.multi_items())
    note_query(request, asked.whole)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        view = make_grid(opened, asked)
    response = fragment_answer(site, "concepts/_results.html", view=view, etag=etag)
    response.headers["HX-Push-Url"] = view.page_url
    return response


def api_query(asked: Asked) -> tuple[tuple[str, str], ...]:
    """The same request in the API's words."""
    limit = [pair for pair in asked.layout if pair[0] == "limit"]
    return (*asked.query.pairs, *limit, ("cursor", asked.cursor))


def _switch(site: Site, slug: str, asked: Asked) -> tuple[Choice, ...]:
    """Other dictionaries with the same filter; a cursor is of no use there."""
    return make_switch(site.roster.entries(), slug, url_for=lambda other: urls.concepts(other, asked.pairs))
