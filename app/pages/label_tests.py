"""Blind tests as pages: begin one, choose photos, see what was right."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.annotating import WRITES, author_of, remember_author
from app.answers import NEVER, check_fresh, lasting_answer, page_answer, page_etag
from app.bodies import FormBody
from app.label_testing import begin_next, begin_one
from app.makers.frames import Place, dictionary_frame, make_switch
from app.makers.label_tests import make_test, make_tests, tiles_of
from app.pages.notes import written
from app.params import read_params
from app.site import Opened, Site, SiteDep
from app.views.base import Crumb, Frame
from store.blind import N_TILES
from store.catalog.label_tests import answer_test, get_test
from store.errors import InvalidInput, NotFound

router = APIRouter(include_in_schema=False)
_AN_HOUR = "private, max-age=3600"


@router.get("/d/{slug}/queue/tests")
def tests(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The labels of a dictionary with what their tests come to."""
    read_params(request, display=True)
    entry, author = site.roster.get(slug), author_of(request)
    etag = page_etag(request, site, author)
    with site.opened(entry) as opened:
        view = make_tests(site, opened, author=author)
        place = Place(
            kind="tests",
            title="Blind tests",
            json_url=f"{urls.label_tests(slug)}.json",
            api_url=urls.api_dictionaries(slug, "tests"),
            trail=(Crumb(label="Label queue", url=urls.queue(slug)), Crumb(label="Blind tests")),
            switch=make_switch(site.roster.entries(), slug, url_for=urls.label_tests),
        )
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "queue/tests.html", view=view, frame=frame, etag=etag)


@router.post("/d/{slug}/queue/tests", dependencies=[*WRITES])
def begin(slug: str, request: Request, *, site: SiteDep, given: FormBody) -> Response:
    """Begin a test of a label, or of the one that was tested least; ``but`` is the one that was tested just now."""
    author = author_of(request, given.get("author", ""))
    with site.opened(site.roster.get(slug)) as opened:
        label = given.get("label", "")
        if label:
            test = begin_one(site, opened, label, author=author)
        else:
            test = begin_next(site, opened, but=given.get("but", ""), author=author)
    response = RedirectResponse(urls.label_tests(slug, test.uid), 303)
    remember_author(response, author)
    return response


@router.get("/d/{slug}/queue/tests/{uid}")
def test(slug: str, uid: str, *, request: Request, site: SiteDep) -> Response:
    """The photos of a test; once it is judged, with heat and with what was right."""
    read_params(request, display=True)
    return _page(request, site, slug=slug, uid=uid)


@router.post("/d/{slug}/queue/tests/{uid}", dependencies=[*WRITES])
def answer(slug: str, uid: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Judge the chosen photos: fields ``photo-1`` to ``photo-8``."""
    chosen = [number for number in range(N_TILES) if given.get(f"photo-{number + 1}")]
    try:
        with site.catalog.session() as session:
            found = answer_test(session, uid, chosen)
    except InvalidInput as fault:
        return _page(request, site, slug=slug, uid=uid, fault=str(fault), chosen=tuple(chosen))
    return written(site, urls.label_tests(slug, uid), author=found.author)


def _page(
    request: Request, site: Site, *, slug: str, uid: str, fault: str = "", chosen: tuple[int, ...] = ()
) -> Response:
    with site.opened(site.roster.get(slug)) as opened, site.catalog.session() as session:
        found = get_test(session, uid)
        if found.key.dictionary != opened.overlay.dictionary:
            raise NotFound("blind test", uid, remedy=f"It belongs to another dictionary than {slug}.")
        view = make_test(site, session, found, tiles=tiles_of(opened, found))
        frame = _frame(request, opened, uid=uid)
        name = urls.concept(slug, found.key.concept) if found.answered_at else ""
        fits = {"fault": fault, "picked": {number + 1 for number in chosen}, "concept_url": name}
    response = page_answer(site, "queue/test.html", view=view, frame=frame, etag="", **fits)
    response.status_code = 400 if fault else 200
    response.headers["Cache-Control"] = NEVER
    return response


def _frame(request: Request, opened: Opened, *, uid: str) -> Frame:
    slug = opened.entry.slug
    place = Place(
        kind="test",
        title="Blind test",
        json_url=f"{urls.label_tests(slug, uid)}.json",
        api_url=urls.api_tests(uid),
        trail=(
            Crumb(label="Label queue", url=urls.queue(slug)),
            Crumb(label="Blind tests", url=urls.label_tests(slug)),
            Crumb(label="Test"),
        ),
    )
    return dictionary_frame(opened, place, base=str(request.base_url))


@router.get("/m/blind/{uid}/{number}.webp")
def photo(uid: str, number: int, *, request: Request, site: SiteDep) -> Response:
    """A photo of a test by its place, from 1."""
    etag = check_fresh(request, cache=_AN_HOUR)
    with site.catalog.session() as session:
        found = get_test(session, uid)
    if not 1 <= number <= len(found.photos):
        raise NotFound("photo of this blind test", str(number))
    with site.shelf.reading(found.atlas) as shelved:
        content = shelved.atlas.thumbnail(found.photos[number - 1].image)
    response = lasting_answer(content, "image/webp", etag=etag)
    response.headers["Cache-Control"] = _AN_HOUR
    return response
