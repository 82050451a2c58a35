"""The concept grid, whole and as a fragment."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.annotating import WRITES, author_of, key_of, why_no_notes
from app.answers import fragment_answer, page_answer, page_etag
from app.bodies import FormBody
from app.makers.asking import Asked, ask_page
from app.makers.called import Called
from app.makers.concepts import parse_concept
from app.makers.frames import Place, dictionary_frame, make_foot, make_switch
from app.makers.grid import make_grid, make_peek, make_shown
from app.pages.notes import written
from app.params import note_query
from app.site import Opened, Site, SiteDep
from app.views.base import Choice, Crumb
from app.views.grid import ShownView
from store.catalog.lists import make_list, put_items
from store.errors import InvalidInput

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
        api_url=api_address(slug, asked),
        trail=(Crumb(label="Concepts"),),
        switch=_switch(site, slug, asked),
        q=asked.query.q,
    )
    with site.opened(entry) as opened:
        view = make_grid(opened, asked, Called(opened, site.drawings), may_write=not why_no_notes(site))
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "concepts/page.html", view=view, frame=frame, etag=etag)


@router.get("/_f/d/{slug}/c")
def results(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The results with the filters' counts; the browser's address becomes the page's."""
    make = partial(make_grid, may_write=not why_no_notes(site))
    return _fragment("concepts/_results.html", make, slug, request=request, site=site)


@router.get("/_f/d/{slug}/c/turned")
def turned(slug: str, request: Request, *, site: SiteDep) -> Response:
    """One page of the results alone, for another page of the same filter."""
    return _fragment("concepts/_turned.html", make_shown, slug, request=request, site=site)


def _fragment(
    template: str, make: Callable[[Opened, Asked, Called], ShownView], slug: str, *, request: Request, site: Site
) -> Response:
    entry = site.roster.get(slug)
    asked = ask_page(request.query_params.multi_items())
    note_query(request, asked.whole)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        view = make(opened, asked, Called(opened, site.drawings))
    foot = make_foot("concepts", api_address(slug, asked), base=str(request.base_url))
    response = fragment_answer(site, template, view=view, etag=etag, foot=foot)
    response.headers["HX-Push-Url"] = view.page_url
    return response


@router.get("/_f/d/{slug}/c/{index}/peek")
def peek(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """A concept in a panel beside the grid."""
    entry = site.roster.get(slug)
    asked = ask_page(request.query_params.multi_items())
    note_query(request, asked.whole)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        view = make_peek(opened, parse_concept(opened, index), asked=asked, may_write=not why_no_notes(site))
    return fragment_answer(site, "concepts/_peek.html", view=view, etag=etag)


@router.post("/d/{slug}/c/lists", dependencies=[*WRITES])
def put_on_list(slug: str, request: Request, *, site: SiteDep, given: FormBody) -> Response:
    """Put the selected concepts, or all that a query finds, on a list, or on a new one when a title is given."""
    author = author_of(request, given.get("author", ""))
    with site.opened(site.roster.get(slug)) as opened:
        concepts = _chosen(opened, given)
        keys = [key_of(opened, concept) for concept in concepts]
    uid, title = given.get("list", ""), given.get("title", "").strip()
    with site.catalog.session() as session:
        if title:
            uid = make_list(session, title, author=author).uid
        if not uid:
            raise InvalidInput("Choose a list, or give a new one a title.")
        put_items(session, uid, keys, author=author)
    return written(site, urls.lists(uid), author=author)


def _chosen(opened: Opened, given: dict[str, str]) -> list[int]:
    """The concepts in ``select``, or without it those that ``query`` finds; raises ``BadQuery``, ``InvalidInput``."""
    asked = ask_page([("select", given["select"])] if "select" in given else parse_qsl(given.get("query", "")))
    found = [opened.atlas.check(concept) for concept in asked.select]
    if "select" not in given:
        found = opened.concepts.select(asked.query).tolist()
    if not found:
        raise InvalidInput("No concept is selected: tick one, or send a query that finds some.")
    return found


def api_address(slug: str, asked: Asked) -> str:
    """The same request to the API."""
    return urls.api_dictionaries(slug, "concepts", query=api_query(asked))


def api_query(asked: Asked) -> tuple[tuple[str, str], ...]:
    """The same request in the API's words."""
    limit = [pair for pair in asked.layout if pair[0] == "limit"]
    return (*asked.query.pairs, *limit, ("cursor", asked.cursor))


def _switch(site: Site, slug: str, asked: Asked) -> tuple[Choice, ...]:
    """Other dictionaries with the same filter; a cursor, a selection and indices are of no use there."""
    conditions = tuple(one for one in asked.query.conditions if one.column not in ("id", "cluster"))
    there = replace(asked, query=replace(asked.query, conditions=conditions))
    return make_switch(site.roster.entries(), slug, url_for=lambda other: urls.concepts(other, there.pairs))
