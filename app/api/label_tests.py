"""The label queue and blind tests of labels for programs."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.annotating import WRITES, author_of
from app.answers import NEVER, data_answer, json_answer
from app.api.labels import AuthorHeader
from app.api.wrap import data_etag, wrap
from app.label_testing import begin_one
from app.makers.label_tests import make_label_tests, make_test, make_tests
from app.makers.queue import make_queue
from app.makers.queue_asking import PARAMS, ask_walk
from app.params import document, read_params
from app.roster import Entry
from app.site import Site, SiteDep
from app.views.envelope import Envelope
from app.views.label_tests import LabelTestsView, TestsView, TestView
from app.views.queue import QueueView
from store.blind import N_ACTIVE, N_TILES
from store.catalog.label_tests import answer_test, get_test
from store.catalog.labels import get_label
from store.errors import NotFound

router = APIRouter(prefix=urls.API, tags=["annotations"])


class ChoiceBody(BaseModel):
    """The chosen photos of a test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    photos: tuple[Annotated[int, Field(ge=1, le=N_TILES)], ...] = Field(
        min_length=N_ACTIVE,
        max_length=N_ACTIVE,
        description=f"{N_ACTIVE} numbers of photos",
        json_schema_extra={"uniqueItems": True},
    )


@router.get(
    "/dictionaries/{slug}/queue",
    operation_id="label_queue",
    openapi_extra=document(*PARAMS),
    responses={200: {"model": Envelope[QueueView]}},
)
def queue(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The concept that wants a name next, and those that come after it."""
    entry, walk = site.roster.get(slug), ask_walk(request)
    etag = data_etag(request, site, entry, walk.seed)
    with site.opened(entry) as opened:
        view = make_queue(site, opened, walk)
    return data_answer(wrap(request, view, html=urls.queue(slug, walk.pairs), entry=entry), etag=etag)


@router.get(
    "/dictionaries/{slug}/tests", operation_id="list_label_tests", responses={200: {"model": Envelope[TestsView]}}
)
def tests(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The labels that concepts are shown under, with what their blind tests come to; those that fail first."""
    read_params(request)
    entry = site.roster.get(slug)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        view = make_tests(site, opened)
    return data_answer(wrap(request, view, html=urls.label_tests(slug), entry=entry), etag=etag)


@router.get(
    "/labels/{uid}/tests", operation_id="list_tests_of_label", responses={200: {"model": Envelope[LabelTestsView]}}
)
def tests_of(uid: str, request: Request, *, site: SiteDep) -> Response:
    """All judged tests of a label, those of earlier texts among them, and what those of its present text come to."""
    read_params(request)
    with site.catalog.session() as session:
        view = make_label_tests(session, uid)
    return _never(json_answer(wrap(request, view)))


@router.post(
    "/labels/{uid}/tests",
    operation_id="begin_label_test",
    status_code=201,
    dependencies=[*WRITES],
    responses={201: {"model": Envelope[TestView]}},
)
def begin(uid: str, request: Request, *, site: SiteDep, _author: AuthorHeader = None) -> Response:
    """Begin a blind test: eight photos, on four of which the concept fires; which ones is told after the choice."""
    read_params(request)
    with site.catalog.session() as session:
        dictionary = get_label(session, uid).key.dictionary
    entry = _shown(site, dictionary)
    with site.opened(entry) as opened:
        test = begin_one(site, opened, uid, author=author_of(request))
    with site.catalog.session() as session:
        view = make_test(site, session, test)
    response = json_answer(wrap(request, view, html=urls.label_tests(entry.slug, test.uid), entry=entry), status=201)
    response.headers["Location"] = urls.api_tests(test.uid)
    return _never(response)


@router.get("/tests/{uid}", operation_id="get_label_test", responses={200: {"model": Envelope[TestView]}})
def test(uid: str, request: Request, *, site: SiteDep) -> Response:
    """A blind test: open without its answer, or judged."""
    read_params(request)
    with site.catalog.session() as session:
        view = make_test(site, session, get_test(session, uid))
    return _never(json_answer(wrap(request, view)))


@router.put(
    "/tests/{uid}/choice",
    operation_id="answer_label_test",
    dependencies=[*WRITES],
    responses={200: {"model": Envelope[TestView]}},
)
def answer(uid: str, request: Request, *, site: SiteDep, body: ChoiceBody) -> Response:
    """Choose the photos on which the concept fires, by what the label says; an answer counts once (409 after it)."""
    read_params(request)
    with site.catalog.session() as session:
        found = answer_test(session, uid, [number - 1 for number in body.photos])
    site.overlays.forget()
    with site.catalog.session() as session:
        view = make_test(site, session, found)
    return _never(json_answer(wrap(request, view)))


def _shown(site: Site, dictionary: str) -> Entry:
    """The entry that shows the dictionary of a digest."""
    for entry in site.roster.entries():
        if site.overlays.dictionary_of(entry) == dictionary:
            return entry
    raise NotFound("dictionary", dictionary[:12], remedy="This store shows no atlas of it, so there are no photos.")


def _never(response: Response) -> Response:
    response.headers["Cache-Control"] = NEVER
    return response
