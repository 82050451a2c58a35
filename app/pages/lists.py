"""The lists, one list, and the forms on them."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.annotating import WRITES, author_of, form_revision
from app.answers import page_answer, page_etag
from app.api.lists import member_key
from app.bodies import FormBody
from app.makers.frames import plain_frame
from app.makers.lists import make_list_view, make_lists
from app.pages.notes import clash_page, written
from app.params import CURSOR, read_params
from app.site import SiteDep
from app.views.annotations import ClashField, ClashView
from app.views.base import Crumb
from store.catalog.lists import edit_list, make_list, put_item, remove_item, remove_list
from store.errors import Outdated

router = APIRouter(include_in_schema=False)
LISTS_CRUMB = Crumb(label="Lists", url=urls.lists())


@router.get("/lists")
def lists(request: Request, site: SiteDep) -> Response:
    """All lists, and a form that begins one."""
    cursor, author = read_params(request, CURSOR, display=True)["cursor"], author_of(request)
    etag = page_etag(request, site, author)
    view = make_lists(site, cursor=cursor, author=author)
    frame = plain_frame(
        "lists",
        title="Lists",
        json_url=urls.with_query("/lists.json", {"cursor": cursor}),
        api_url=urls.api_lists(query={"cursor": cursor}),
        base=str(request.base_url),
    )
    return page_answer(site, "lists/page.html", view=view, frame=frame, etag=etag)


@router.post("/lists", dependencies=[*WRITES])
def make(request: Request, site: SiteDep, *, given: FormBody) -> Response:
    """Begin a list."""
    author = author_of(request, given.get("author", ""))
    with site.catalog.session() as session:
        row = make_list(session, given.get("title", ""), note=given.get("note", ""), author=author)
    return written(site, urls.lists(row.uid), author=author)


@router.get("/lists/{uid}")
def one(uid: str, request: Request, *, site: SiteDep) -> Response:
    """One list."""
    cursor, author = read_params(request, CURSOR, display=True)["cursor"], author_of(request)
    etag = page_etag(request, site, author)
    view = make_list_view(site, uid, cursor=cursor, author=author)
    frame = plain_frame(
        "list",
        title=view.card.title,
        json_url=urls.with_query(f"{urls.lists(uid)}.json", {"cursor": cursor}),
        api_url=urls.api_lists(uid, query={"cursor": cursor}),
        base=str(request.base_url),
        trail=(LISTS_CRUMB,),
    )
    return page_answer(site, "lists/list.html", view=view, frame=frame, etag=etag)


@router.post("/lists/{uid}/edit", dependencies=[*WRITES])
def edit(uid: str, request: Request, *, site: SiteDep, given: FormBody) -> Response:
    """Change title and note; when somebody was faster, show both."""
    author, title, note = author_of(request, given.get("author", "")), given.get("title", ""), given.get("note", "")
    try:
        with site.catalog.session() as session:
            edit_list(session, uid, seen=form_revision(given.get("revision", "")), title=title, note=note)
    except Outdated as fault:
        now = fault.current
        fields = (
            ClashField(name="title", label="Title", mine=title, theirs=now["title"], one_line=True),
            ClashField(name="note", label="Note", mine=note, theirs=now["note"], one_line=False),
        )
        return clash_page(request, site, _clash(uid, fault, fields, author, "edit"), trail=_trail(uid))
    return written(site, urls.lists(uid), author=author)


@router.post("/lists/{uid}/remove", dependencies=[*WRITES])
def remove(uid: str, request: Request, *, site: SiteDep, given: FormBody) -> Response:
    """Remove a list."""
    with site.catalog.session() as session:
        remove_list(session, uid, seen=form_revision(given.get("revision", "")))
    return written(site, urls.lists(), author=author_of(request))


@router.post("/lists/{uid}/items/{member}", dependencies=[*WRITES])
def change_item(uid: str, member: str, *, request: Request, site: SiteDep, given: FormBody) -> Response:
    """Change a note, move a member (``position``), or take it off (``remove``)."""
    author, key, note = author_of(request, given.get("author", "")), member_key(site, member), given.get("note")
    position = given.get("position", "")
    try:
        with site.catalog.session() as session:
            if "remove" in given:
                remove_item(session, uid, key)
            else:
                place = int(position) if position.isascii() and position.isdecimal() and len(position) < 10 else None
                seen = form_revision(given.get("revision", ""))
                put_item(session, uid, key, author=author, note=note, position=place, seen=seen)
    except Outdated as fault:
        field = ClashField(name="note", label="Note", mine=note or "", theirs=fault.current["note"], one_line=False)
        return clash_page(request, site, _clash(uid, fault, (field,), author, f"items/{member}"), trail=_trail(uid))
    return written(site, urls.lists(uid), author=author)


def _clash(uid: str, fault: Outdated, fields: tuple[ClashField, ...], author: str, part: str) -> ClashView:
    return ClashView(
        told=str(fault),
        fields=fields,
        revision=fault.current["revision"],
        author=author,
        form_url=f"{urls.lists(uid)}/{part}",
        back_url=urls.lists(uid),
    )


def _trail(uid: str) -> tuple[Crumb, ...]:
    return LISTS_CRUMB, Crumb(label="List", url=urls.lists(uid))
