"""Lists of concepts: read, write, export."""

import json

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.annotating import WRITES, author_of, etag_of, find_seen, seen_revision
from app.answers import NEVER, data_answer, json_answer
from app.api.labels import LOST, AuthorHeader, MatchHeader, concept_key
from app.api.wrap import wrap
from app.makers.lists import make_csv, make_item, make_list_view, make_lists, make_rows, shown_entries
from app.params import CURSOR, LIMIT, Param, document, read_params, whole
from app.site import Site, SiteDep
from app.views.annotations import ItemView, ListBrief, ListView
from app.views.envelope import Envelope
from store.annotations import NOTE_MAX, TITLE_MAX, ConceptKey
from store.atlas.cursor import parse_limit
from store.catalog.lists import edit_list, get_list, list_items, make_list, put_item, remove_item, remove_list
from store.errors import InvalidInput

router = APIRouter(prefix=f"{urls.API}/lists", tags=["annotations"])
_ITEMS = Param("limit", "How many members to return: 1 to 200.", default="48", schema=whole(1, 200))


class ListBody(BaseModel):
    """A list to make."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(max_length=4 * TITLE_MAX, description=f"one line, at most {TITLE_MAX} characters")
    note: str = Field("", max_length=4 * NOTE_MAX)


class ListEdit(BaseModel):
    """What to change of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str | None = Field(None, max_length=4 * TITLE_MAX)
    note: str | None = Field(None, max_length=4 * NOTE_MAX)


class ItemBody(BaseModel):
    """How a concept stands on a list; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: str | None = Field(None, max_length=4 * NOTE_MAX)
    position: int | None = Field(None, ge=0, description="place from 0; a new one goes last")


@router.get(
    "",
    operation_id="list_lists",
    openapi_extra=document(CURSOR, LIMIT),
    responses={200: {"model": Envelope[tuple[ListBrief, ...]]}},
)
def lists(request: Request, site: SiteDep) -> Response:
    """All lists, the one that was edited last first."""
    values = read_params(request, CURSOR, LIMIT)
    view = make_lists(site, cursor=values["cursor"], limit=parse_limit(values["limit"]))
    return data_answer(wrap(request, view.lists, html=urls.lists(), paging=view.paging))


@router.post(
    "",
    operation_id="make_list",
    status_code=201,
    dependencies=[*WRITES],
    responses={201: {"model": Envelope[ListView]}},
)
def make(request: Request, site: SiteDep, *, body: ListBody, _author: AuthorHeader = None) -> Response:
    """Begin a list."""
    read_params(request)
    with site.catalog.session() as session:
        row = make_list(session, body.title, note=body.note, author=author_of(request))
    response = _list_answer(request, site, row.uid, status=201)
    response.headers["Location"] = urls.api_lists(row.uid)
    return response


@router.get("/{uid}/items.csv", operation_id="export_list", response_class=Response)
def export(uid: str, request: Request, *, site: SiteDep) -> Response:
    """All members as a table, UTF-8."""
    read_params(request)
    text = make_csv(make_rows(site, uid, base=str(request.base_url)))
    return Response(text, media_type="text/csv; charset=utf-8", headers=_named(f"list-{uid}.csv"))


@router.get("/{uid}/items.json", operation_id="export_list_json", response_class=Response)
def export_json(uid: str, request: Request, *, site: SiteDep) -> Response:
    """The same rows as JSON, all in one array."""
    read_params(request)
    rows = make_rows(site, uid, base=str(request.base_url))
    return Response(json.dumps(rows), media_type="application/json", headers=_named(f"list-{uid}.json"))


def _named(file: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": NEVER}


@router.get(
    "/{uid}",
    operation_id="get_list",
    openapi_extra=document(CURSOR, _ITEMS),
    responses={200: {"model": Envelope[ListView]}},
)
def one(uid: str, request: Request, *, site: SiteDep) -> Response:
    """A list with its members in order; they may shift between pages while people move them."""
    values = read_params(request, CURSOR, _ITEMS)
    return _list_answer(request, site, uid, cursor=values["cursor"], limit=parse_limit(values["limit"]))


@router.patch(
    "/{uid}", operation_id="edit_list", dependencies=[*WRITES], responses={200: {"model": Envelope[ListView]}, **LOST}
)
def edit(uid: str, request: Request, *, site: SiteDep, body: ListEdit, _seen: MatchHeader = None) -> Response:
    """Change title or note."""
    read_params(request)
    with site.catalog.session() as session:
        edit_list(session, uid, seen=seen_revision(request), title=body.title, note=body.note)
    return _list_answer(request, site, uid)


@router.delete("/{uid}", operation_id="remove_list", status_code=204, dependencies=[*WRITES], responses=LOST)
def remove(uid: str, request: Request, *, site: SiteDep, _seen: MatchHeader = None) -> Response:
    """Remove a list with its notes, for good."""
    read_params(request)
    with site.catalog.session() as session:
        remove_list(session, uid, seen=seen_revision(request))
    return _gone(site)


@router.put(
    "/{uid}/items/{member}",
    operation_id="put_list_item",
    dependencies=[*WRITES],
    responses={200: {"model": Envelope[ItemView]}, 201: {"model": Envelope[ItemView]}, **LOST},
)
def put(
    uid: str,
    member: str,
    *,
    request: Request,
    site: SiteDep,
    body: ItemBody,
    _seen: MatchHeader = None,
    _author: AuthorHeader = None,
) -> Response:
    """Put a concept (``SLUG:INDEX``) on a list, or change its note (with ``If-Match`` where there is one) or place."""
    read_params(request)
    key = member_key(site, member)
    with site.catalog.session() as session:
        _, is_new = put_item(
            session,
            uid,
            key,
            author=author_of(request),
            note=body.note,
            position=body.position,
            seen=find_seen(request),
        )
        items = list_items(session, get_list(session, uid))
    site.overlays.forget()
    place = next(i for i, item in enumerate(items) if (item.dictionary, item.concept) == (key.dictionary, key.concept))
    view = make_item(site, uid, items[place], place=place, entries=shown_entries(site))
    response = json_answer(wrap(request, view, html=urls.lists(uid)), status=201 if is_new else 200)
    response.headers.update({"ETag": view.etag, "Cache-Control": NEVER})
    return response


@router.delete("/{uid}/items/{member}", operation_id="remove_list_item", status_code=204, dependencies=[*WRITES])
def take_off(uid: str, member: str, *, request: Request, site: SiteDep) -> Response:
    """Take a concept off a list; one that is not on it is off it."""
    read_params(request)
    with site.catalog.session() as session:
        remove_item(session, uid, member_key(site, member))
    return _gone(site)


def member_key(site: Site, member: str) -> ConceptKey:
    """The concept that ``SLUG:INDEX`` names, or ``DIGEST:INDEX`` of a dictionary that is not shown here."""
    slug, colon, index = member.rpartition(":")
    if not colon:
        raise InvalidInput(f"A member of a list is named DICTIONARY:INDEX, as in tiny-topk:12, not '{member}'.")
    on_lists = {item.dictionary for row in site.overlays.lists() for item in row.members}
    if slug in on_lists and index.isascii() and index.isdecimal() and len(index) < 10:
        return ConceptKey(slug, int(index))
    return concept_key(site, slug, index)[0]


def _list_answer(
    request: Request, site: Site, uid: str, *, status: int = 200, cursor: str = "", limit: int = 48
) -> Response:
    if request.method != "GET":
        site.overlays.forget()
    view = make_list_view(site, uid, cursor=cursor, limit=limit)
    response = json_answer(wrap(request, view, html=urls.lists(uid), paging=view.paging), status=status)
    response.headers.update({"ETag": etag_of(view.card.revision), "Cache-Control": NEVER})
    return response


def _gone(site: Site) -> Response:
    site.overlays.forget()
    return Response(status_code=204, headers={"Cache-Control": NEVER})
