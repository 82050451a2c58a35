"""The classes of a dictionary, and one that the model predicts."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.class_asking import ask_class, ask_classes
from app.makers.class_page import make_class, parse_output
from app.makers.classes import make_classes
from app.makers.frames import Place, dictionary_frame, make_switch
from app.site import SiteDep
from app.views.base import Crumb

router = APIRouter(include_in_schema=False)


@router.get("/d/{slug}/classes")
def classes(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The index."""
    entry = site.roster.get(slug)
    asked = ask_classes(request)
    etag = page_etag(request, site)
    query = (*asked.pairs, ("cursor", asked.cursor))
    place = Place(
        kind="classes",
        title=f"Classes of {entry.title}",
        json_url=urls.with_query(f"{urls.classes(slug)}.json", query),
        api_url=urls.api_dictionaries(slug, "classes", query=query),
        trail=(Crumb(label="Classes"),),
        switch=make_switch(site.roster.entries(), slug, url_for=urls.classes),
    )
    with site.opened(entry) as opened:
        view = make_classes(opened, asked)
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "classes/list.html", view=view, frame=frame, etag=etag)


@router.get("/d/{slug}/classes/{output}")
def one_class(slug: str, output: str, *, request: Request, site: SiteDep) -> Response:
    """A class that the model predicts."""
    entry = site.roster.get(slug)
    asked = ask_class(request, display=True)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        number = parse_output(opened, output)
        view = make_class(opened, number, asked)
        name = view.card.class_name
        place = Place(
            kind="class",
            title=f"{name}, as {entry.title} has it",
            json_url=urls.with_query(f"{urls.class_page(slug, number)}.json", asked.pairs),
            api_url=urls.api_class(slug, number, query=asked.pairs),
            trail=(Crumb(label="Classes", url=view.index_url), Crumb(label=name)),
            switch=make_switch(site.roster.entries(), slug, url_for=urls.classes),
        )
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "classes/page.html", view=view, frame=frame, etag=etag)
