"""The label queue: a concept, a field, the next one."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.annotating import WRITES, author_of, form_revision, key_of
from app.answers import page_answer, page_etag
from app.bodies import FormBody
from app.makers.frames import Place, dictionary_frame, make_switch
from app.makers.queue import make_queue
from app.makers.queue_asking import Walk, ask_walk
from app.pages.notes import clash_page, written
from app.site import Site, SiteDep
from app.views.annotations import ClashField, ClashView
from app.views.base import Crumb
from store.catalog.labels import add_label, edit_label
from store.errors import InvalidInput, Outdated

router = APIRouter(include_in_schema=False)


@router.get("/d/{slug}/queue")
def queue(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The concept that the walk has come to."""
    entry, walk, author = site.roster.get(slug), ask_walk(request, display=True), author_of(request)
    if walk.seed is not None and "seed" not in request.query_params:
        return RedirectResponse(urls.queue(slug, walk.pairs), 302, headers={"Cache-Control": "no-store"})
    etag = page_etag(request, site, author)
    with site.opened(entry) as opened:
        view = make_queue(site, opened, walk, author=author)
        place = Place(
            kind="queue",
            title="Label queue",
            json_url=urls.with_query(f"{urls.queue(slug)}.json", walk.pairs),
            api_url=urls.api_dictionaries(slug, "queue", query=walk.pairs),
            trail=(Crumb(label="Label queue"),),
            switch=make_switch(site.roster.entries(), slug, url_for=urls.queue),
        )
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "queue/page.html", view=view, frame=frame, etag=etag)


@router.post("/d/{slug}/queue", dependencies=[*WRITES])
def name(slug: str, request: Request, *, site: SiteDep, given: FormBody) -> Response:
    """Give the concept in the address a name, and go on; ``label`` is the visitor's own, which is written anew."""
    walk, author = ask_walk(request, display=True), author_of(request, given.get("author", ""))
    if walk.concept is None:
        raise InvalidInput("The address names no concept: send the form of the queue's page.")
    with site.opened(site.roster.get(slug)) as opened:
        key = key_of(opened, opened.atlas.check(walk.concept))
    onward = urls.queue(slug, walk.passed(walk.concept, named=True).pairs)
    text, label = given.get("text", ""), given.get("label", "")
    try:
        with site.catalog.session() as session:
            if label:
                edit_label(session, label, text, author=author, seen=form_revision(given.get("revision", "")))
            else:
                add_label(session, key, text, author=author)
    except Outdated as fault:
        return _clash(request, site, fault, slug=slug, walk=walk, text=text, author=author)
    return written(site, onward, author=author)


def _clash(request: Request, site: Site, fault: Outdated, *, slug: str, walk: Walk, text: str, author: str) -> Response:
    """Both texts; whatever is chosen, the walk goes on from here."""
    here, theirs = urls.queue(slug, walk.pairs), fault.current["text"]
    view = ClashView(
        told=str(fault),
        fields=(ClashField(name="text", label="Label", mine=text, theirs=theirs, one_line=True),),
        revision=fault.current["revision"],
        label=fault.current["id"] if theirs is not None else "",
        author=author,
        form_url=here if theirs is not None else "",
        anew_url=here,
        back_url=here,
    )
    return clash_page(request, site, view, trail=(Crumb(label="Label queue", url=here),))
