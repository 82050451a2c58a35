"""Labels of a concept, votes on them, comments: read and write."""

from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.annotating import WRITES, author_of, etag_of, key_of, seen_revision
from app.answers import NEVER, data_answer, json_answer
from app.api.wrap import data_etag, wrap
from app.makers.annotations import make_comment, make_label, make_notes
from app.makers.concepts import parse_concept
from app.params import read_params
from app.site import Site, SiteDep
from app.views.annotations import CommentView, LabelView, NotesView
from app.views.envelope import Envelope
from store.annotations import COMMENT_MAX, LABEL_MAX, ConceptKey
from store.catalog.comments import add_comment, remove_comment
from store.catalog.labels import add_label, edit_label, remove_label, vote_on_label
from store.errors import InvalidInput
from store.vocabulary import Source

router = APIRouter(prefix=urls.API, tags=["annotations"])
CONCEPT = "/dictionaries/{slug}/concepts/{index}"
MatchHeader = Annotated[str | None, Header(alias="If-Match", description='ETag of what was seen, such as "1"')]
AuthorHeader = Annotated[str | None, Header(alias="X-Author", description="who writes, percent-encoded")]
LOST: dict[int | str, dict[str, Any]] = {
    412: {"description": "Somebody was faster; `current` has what is there now."},
    428: {"description": "No If-Match."},
}


class LabelBody(BaseModel):
    """A label to give."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(max_length=4 * LABEL_MAX, description=f"one line, at most {LABEL_MAX} characters")
    source: Source = Field(Source.HUMAN, description="human, or import for what a program made")


class TextBody(BaseModel):
    """A text to write."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(max_length=4 * COMMENT_MAX)


class VoteBody(BaseModel):
    """A vote."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: int = Field(ge=-1, le=1, description="1 for, -1 against, 0 takes it back")
    revision: int | None = Field(None, description="the label's revision that was seen; with another one it is 412")


def concept_key(site: Site, slug: str, index: str) -> tuple[ConceptKey, int]:
    """The concept at an address for good, and its index; raises ``NotFound``."""
    with site.opened(site.roster.get(slug)) as opened:
        number = parse_concept(opened, index)
        return key_of(opened, number), number


@router.get(
    f"{CONCEPT}/labels", operation_id="list_labels", responses={200: {"model": Envelope[tuple[LabelView, ...]]}}
)
def labels(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The labels of a concept, best first, each with its history; removed ones last."""
    view, etag = _notes(request, site, slug, index)
    entry = site.roster.get(slug)
    return data_answer(
        wrap(request, (*view.labels, *view.removed), html=urls.concept(slug, int(index)), entry=entry), etag=etag
    )


@router.get(
    f"{CONCEPT}/comments", operation_id="list_comments", responses={200: {"model": Envelope[tuple[CommentView, ...]]}}
)
def comments(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The comments on a concept, oldest first."""
    view, etag = _notes(request, site, slug, index)
    entry = site.roster.get(slug)
    return data_answer(wrap(request, view.comments, html=urls.concept(slug, int(index)), entry=entry), etag=etag)


def _notes(request: Request, site: Site, slug: str, index: str) -> tuple[NotesView, str]:
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        return make_notes(site, opened, parse_concept(opened, index)), etag


@router.post(
    f"{CONCEPT}/labels",
    operation_id="add_label",
    status_code=201,
    dependencies=[*WRITES],
    responses={
        201: {"model": Envelope[LabelView]},
        200: {"model": Envelope[LabelView], "description": "A label says so already; this is a vote for it."},
    },
)
def add(
    slug: str, index: str, *, request: Request, site: SiteDep, body: LabelBody, _author: AuthorHeader = None
) -> Response:
    """Give a concept a label. Who says what a label says already votes for it."""
    read_params(request)
    if body.source is Source.SEED:
        raise InvalidInput("A seed is guessed when an atlas is built; source is 'human' or 'import'.")
    key, number = concept_key(site, slug, index)
    with site.catalog.session() as session:
        label, is_new = add_label(session, key, body.text, author=author_of(request), source=body.source)
    return _label_answer(request, site, label.uid, status=201 if is_new else 200, html=urls.concept(slug, number))


@router.get("/labels/{uid}", operation_id="get_label", responses={200: {"model": Envelope[LabelView]}})
def label(uid: str, request: Request, *, site: SiteDep) -> Response:
    """One label, removed or not, with its history."""
    read_params(request)
    return _label_answer(request, site, uid)


@router.patch(
    "/labels/{uid}",
    operation_id="edit_label",
    dependencies=[*WRITES],
    responses={200: {"model": Envelope[LabelView]}, **LOST},
)
def edit(
    uid: str,
    request: Request,
    *,
    site: SiteDep,
    body: TextBody,
    _seen: MatchHeader = None,
    _author: AuthorHeader = None,
) -> Response:
    """Write a label anew; the earlier text stays in its history, with the votes for it."""
    read_params(request)
    seen = seen_revision(request)
    with site.catalog.session() as session:
        edit_label(session, uid, body.text, author=author_of(request), seen=seen)
    return _label_answer(request, site, uid)


@router.delete(
    "/labels/{uid}",
    operation_id="remove_label",
    dependencies=[*WRITES],
    responses={200: {"model": Envelope[LabelView]}, **LOST},
)
def remove(
    uid: str, request: Request, *, site: SiteDep, _seen: MatchHeader = None, _author: AuthorHeader = None
) -> Response:
    """Take a label back; its history stays, and giving it again brings it back."""
    read_params(request)
    seen = seen_revision(request)
    with site.catalog.session() as session:
        remove_label(session, uid, author=author_of(request), seen=seen)
    return _label_answer(request, site, uid)


@router.put(
    "/labels/{uid}/vote",
    operation_id="vote_on_label",
    dependencies=[*WRITES],
    responses={200: {"model": Envelope[LabelView]}},
)
def vote(uid: str, request: Request, *, site: SiteDep, body: VoteBody, _author: AuthorHeader = None) -> Response:
    """Vote for or against the present text of a label."""
    read_params(request)
    with site.catalog.session() as session:
        vote_on_label(session, uid, author=author_of(request), value=body.value, seen=body.revision)
    return _label_answer(request, site, uid)


@router.post(
    f"{CONCEPT}/comments",
    operation_id="add_comment",
    status_code=201,
    dependencies=[*WRITES],
    responses={201: {"model": Envelope[CommentView]}},
)
def comment(
    slug: str, index: str, *, request: Request, site: SiteDep, body: TextBody, _author: AuthorHeader = None
) -> Response:
    """Say something of a concept."""
    read_params(request)
    key, number = concept_key(site, slug, index)
    with site.catalog.session() as session:
        row = add_comment(session, key, body.text, author=author_of(request))
    site.overlays.forget()
    response = json_answer(wrap(request, make_comment(row), html=urls.concept(slug, number)), status=201)
    response.headers["Location"] = urls.api_comments(row.uid)
    return _fresh(response)


@router.delete("/comments/{uid}", operation_id="remove_comment", status_code=204, dependencies=[*WRITES])
def uncomment(uid: str, request: Request, *, site: SiteDep, _author: AuthorHeader = None) -> Response:
    """Remove one's own comment, for good."""
    read_params(request)
    with site.catalog.session() as session:
        remove_comment(session, uid, author=author_of(request))
    site.overlays.forget()
    return _fresh(Response(status_code=204))


def _label_answer(request: Request, site: Site, uid: str, *, status: int = 200, html: str | None = None) -> Response:
    if request.method != "GET":
        site.overlays.forget()
    with site.catalog.session() as session:
        view = make_label(session, uid)
    response = json_answer(wrap(request, view, html=html), status=status)
    response.headers["ETag"] = etag_of(view.revision)
    if status == 201:
        response.headers["Location"] = urls.api_labels(uid)
    return _fresh(response)


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = NEVER
    return response
