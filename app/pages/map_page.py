"""The map of a dictionary's concepts, whole and in parts, and the form that makes a list of a selection."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.annotating import WRITES, author_of, key_of
from app.answers import fragment_answer, page_answer, page_etag
from app.bodies import FormBody
from app.makers.concepts import parse_concept
from app.makers.frames import Place, dictionary_frame, make_switch
from app.makers.map import make_choice, make_concept, make_map
from app.makers.map import make_list as make_in_view
from app.makers.map_asking import AskedMap, ask_map, chosen_ids
from app.pages.notes import written
from app.params import DISPLAY, note_query
from app.site import Opened, Site, SiteDep
from app.views.base import Crumb
from store.catalog.lists import make_list, put_item
from store.errors import InvalidInput

router = APIRouter(include_in_schema=False)


@router.get("/d/{slug}/map")
def page(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The page."""
    entry = site.roster.get(slug)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        asked = _asked(request, opened)
        place = Place(
            kind="map",
            title=f"Map of {entry.title}",
            json_url=urls.with_query(f"{urls.map_page(slug)}.json", asked.pairs),
            api_url=urls.api_dictionaries(slug, "map", query=asked.pairs),
            trail=(Crumb(label="Map"),),
            switch=make_switch(site.roster.entries(), slug, url_for=lambda to: urls.map_page(to, asked.look)),
        )
        view = make_map(site, opened, asked)
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "map/page.html", view=view, frame=frame, etag=etag)


@router.get("/_f/d/{slug}/map/{part}")
def fragment(slug: str, part: str, *, request: Request, site: SiteDep) -> Response:
    """What is in view (``in-view``), what colours mean (``legend``), or the selection (``chosen``)."""
    entry = site.roster.get(slug)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        asked = _asked(request, opened)
        if part == "legend":
            view = make_map(site, opened, asked)
            return fragment_answer(site, "map/_legend.html", view=view, etag=etag)
        if part == "in-view":
            return fragment_answer(site, "map/_in_view.html", view=make_in_view(opened, asked), etag=etag)
        return _chosen(site, opened, asked, part=part, etag=etag)


def _chosen(site: Site, opened: Opened, asked: AskedMap, *, part: str, etag: str) -> Response:
    view = make_choice(site, opened, asked) if part == "chosen" else None
    if view is None:
        raise InvalidInput(
            f"'{part}' of a map shows nothing: name a selection as select=3,7 or area=0.0,900.0,900.800."
        )
    return fragment_answer(site, "map/_chosen.html", view=view, etag=etag)


@router.get("/_f/d/{slug}/map/c/{index}")
def concept(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """A concept beside the map."""
    entry = site.roster.get(slug)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        layout = _asked(request, opened).layout
        view = make_concept(site, opened, parse_concept(opened, index), layout=layout)
    return fragment_answer(site, "map/_concept.html", view=view, etag=etag)


@router.post("/d/{slug}/map/list", dependencies=[*WRITES])
def begin_list(slug: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Begin a list of the selected concepts."""
    author = author_of(request, given.get("author", ""))
    with site.opened(site.roster.get(slug)) as opened:
        ids = chosen_ids(opened, ask_map([("select", given.get("select", ""))], opened))
        if not ids:
            raise InvalidInput("A list of nothing was asked for: select concepts first.")
        keys = [key_of(opened, concept) for concept in ids]
    with site.catalog.session() as session:
        row = make_list(session, given.get("title", ""), author=author)
        for key in keys:
            put_item(session, row.uid, key, author=author)
    return written(site, urls.lists(row.uid), author=author)


def _asked(request: Request, opened: Opened) -> AskedMap:
    asked = ask_map(request.query_params.multi_items(), opened, other=DISPLAY)
    note_query(request, asked.pairs)
    return asked
