"""Forms by which people write about a concept; each leads back to its page, an edit that came second to both texts."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.annotating import WRITES, author_of, form_revision, key_of, remember_author
from app.answers import page_answer
from app.bodies import FormBody
from app.makers.concepts import concept_name, parse_concept
from app.makers.frames import plain_frame
from app.site import Site, SiteDep
from app.views.annotations import ClashField, ClashView
from app.views.base import Crumb
from store.annotations import ConceptKey
from store.catalog.comments import add_comment, remove_comment
from store.catalog.labels import add_label, edit_label, remove_label, vote_on_label
from store.catalog.lists import make_list, put_item
from store.errors import InvalidInput, Outdated

router = APIRouter(include_in_schema=False, dependencies=[*WRITES])
CONCEPT = "/d/{slug}/c/{index}"


def _key(site: Site, slug: str, index: str) -> tuple[ConceptKey, str]:
    """The concept at an address for good, and what it is called."""
    with site.opened(site.roster.get(slug)) as opened:
        number = parse_concept(opened, index)
        return key_of(opened, number), concept_name(opened, number)


def written(site: Site, url: str, *, author: str) -> Response:
    """Something was written: show it."""
    site.overlays.forget()
    response = RedirectResponse(url, 303)
    remember_author(response, author)
    return response


def _back(slug: str, index: str, given: dict[str, str]) -> str:
    return urls.notes(slug, int(index), query=parse_qsl(given.get("query", "")))


@router.post(f"{CONCEPT}/labels")
def add(slug: str, index: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Give a label."""
    key, _ = _key(site, slug, index)
    author = author_of(request, given.get("author", ""))
    with site.catalog.session() as session:
        add_label(session, key, given.get("text", ""), author=author)
    return written(site, _back(slug, index, given), author=author)


@router.post(f"{CONCEPT}/labels/{{uid}}/edit")
def edit(slug: str, index: str, uid: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Write a label anew; when somebody was faster, show both texts."""
    _, name = _key(site, slug, index)
    author, text = author_of(request, given.get("author", "")), given.get("text", "")
    here, back = urls.concept(slug, int(index)), _back(slug, index, given)
    try:
        with site.catalog.session() as session:
            edit_label(session, uid, text, author=author, seen=form_revision(given.get("revision", "")))
    except Outdated as fault:
        is_there = fault.current["text"] is not None
        field = ClashField(name="text", label="Label", mine=text, theirs=fault.current["text"], one_line=True)
        view = ClashView(
            told=str(fault),
            fields=(field,),
            revision=fault.current["revision"],
            author=author,
            form_url=f"{here}/labels/{uid}/edit" if is_there else "",
            anew_url=f"{here}/labels",
            back_url=back,
        )
        return clash_page(request, site, view, trail=(Crumb(label=name, url=back),))
    return written(site, back, author=author)


@router.post(f"{CONCEPT}/labels/{{uid}}/remove")
def remove(slug: str, index: str, uid: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Take a label back."""
    author = author_of(request, given.get("author", ""))
    with site.catalog.session() as session:
        remove_label(session, uid, author=author, seen=form_revision(given.get("revision", "")))
    return written(site, _back(slug, index, given), author=author)


@router.post(f"{CONCEPT}/labels/{{uid}}/vote")
def vote(slug: str, index: str, uid: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Vote for or against a label, or take a vote back."""
    author, value = author_of(request, given.get("author", "")), given.get("value", "")
    if value not in ("-1", "0", "1"):
        raise InvalidInput(f"A vote is 1, 0 or -1, not '{value}'.")
    with site.catalog.session() as session:
        vote_on_label(session, uid, author=author, value=int(value), seen=form_revision(given.get("revision", "")))
    return written(site, _back(slug, index, given), author=author)


@router.post(f"{CONCEPT}/comments")
def comment(slug: str, index: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Say something of a concept."""
    key, _ = _key(site, slug, index)
    author = author_of(request, given.get("author", ""))
    with site.catalog.session() as session:
        add_comment(session, key, given.get("text", ""), author=author)
    return written(site, _back(slug, index, given), author=author)


@router.post(f"{CONCEPT}/comments/{{uid}}/remove")
def uncomment(slug: str, index: str, uid: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Take one's own comment back."""
    author = author_of(request)
    with site.catalog.session() as session:
        remove_comment(session, uid, author=author)
    return written(site, _back(slug, index, given), author=author)


@router.post(f"{CONCEPT}/lists")
def put_on_list(slug: str, index: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Put a concept on a list, or on a new one when a title is given."""
    key, _ = _key(site, slug, index)
    author, uid, title = author_of(request, given.get("author", "")), given.get("list", ""), given.get("title", "")
    with site.catalog.session() as session:
        if title.strip():
            uid = make_list(session, title, author=author).uid
        if not uid:
            raise InvalidInput("Choose a list, or give a new one a title.")
        put_item(session, uid, key, author=author, note=given.get("note") or None)
    return written(site, _back(slug, index, given), author=author)


def clash_page(request: Request, site: Site, view: ClashView, *, trail: Iterable[Crumb]) -> Response:
    """Both texts, and what can be done; nothing was written."""
    frame = plain_frame(
        "clash",
        title="Somebody was faster",
        json_url="",
        api_url="",
        base=str(request.base_url),
        trail=tuple(trail),
    )
    response = page_answer(site, "annotation/clash.html", view=view, frame=frame, etag="")
    response.status_code = 412
    del response.headers["Link"]
    return response
