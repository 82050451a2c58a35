"""Lists of concepts, as pages and API show them."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from app import urls
from app.annotating import etag_of, why_no_notes
from app.makers.concepts import make_chip
from app.makers.paging import make_paging
from app.makers.times import moment
from app.roster import Entry
from app.site import Site
from app.views.annotations import ItemView, ListBrief, ListsView, ListView
from app.views.base import Links
from app.views.concepts import ConceptChip
from store.atlas.cursor import cut_page, make_binding
from store.catalog.lists import get_list, list_items, list_lists
from store.catalog.tables import ConceptList, ListItem
from store.errors import ConceptoscopeError

N_FIRST = 4
COLUMNS = ("position", "dictionary", "dictionary_digest", "concept", "label", "note", "author", "added_at", "page")
_FORMULA = ("=", "+", "-", "@", "\t")


def make_lists(site: Site, *, cursor: str = "", limit: int = 24, author: str = "") -> ListsView:
    """A page of all lists, the one that was edited last first."""
    with site.catalog.session() as session:
        found = list_lists(session)
    page = cut_page(found, cursor=cursor, limit=limit, binding=make_binding("lists"))
    entries = shown_entries(site)
    return ListsView(
        lists=tuple(_brief(site, row, items, entries=entries) for row, items in page.items),
        paging=make_paging(page, page_url=lambda at: urls.lists(query={"cursor": at})),
        author=author,
        may_write=not why_no_notes(site),
    )


def make_list_view(site: Site, uid: str, *, cursor: str = "", limit: int = 48, author: str = "") -> ListView:
    """A list with a page of its members; raises ``NotFound``."""
    with site.catalog.session() as session:
        row = get_list(session, uid)
        items = list_items(session, row)
    page = cut_page(list(enumerate(items)), cursor=cursor, limit=limit, binding=make_binding(uid))
    entries = shown_entries(site)
    return ListView(
        card=_brief(site, row, items),
        items=tuple(make_item(site, uid, item, place=place, entries=entries) for place, item in page.items),
        paging=make_paging(page, page_url=lambda at: urls.lists(uid, query={"cursor": at})),
        csv_url=urls.api_lists(uid, "items.csv"),
        json_url=urls.api_lists(uid, "items.json"),
        author=author,
        may_write=not why_no_notes(site),
    )


def shown_entries(site: Site) -> dict[str, Entry]:
    """The dictionaries that can be shown, by the digest of what they show."""
    found: dict[str, Entry] = {}
    for entry in site.roster.entries():
        try:
            found.setdefault(site.overlays.dictionary_of(entry), entry)
        except ConceptoscopeError:  # its atlas is gone, which home tells
            continue
    return found


def make_item(site: Site, uid: str, item: ListItem, *, place: int, entries: Mapping[str, Entry]) -> ItemView:
    """A member of a list; of a dictionary that is not here only what was written."""
    entry = entries.get(item.dictionary)
    return ItemView(
        position=place,
        dictionary=entry.slug if entry else None,
        dictionary_title=entry.title if entry else f"dictionary {item.dictionary[:12]}, not in this store",
        dictionary_digest=item.dictionary,
        index=item.concept,
        concept=find_chip(site, entry, item.concept) if entry else None,
        note=item.note,
        author=item.author,
        added_at=moment(item.added_at) or "",
        revision=item.revision,
        etag=etag_of(item.revision),
        form_url=urls.lists(uid, urls.list_item(entry.slug if entry else item.dictionary, item.concept)),
    )


def find_chip(site: Site, entry: Entry, concept: int) -> ConceptChip | None:
    """A concept in little, if the dictionary has it and its atlas can be opened."""
    try:
        with site.opened(entry) as opened:
            return make_chip(opened, opened.atlas.check(concept))
    except ConceptoscopeError:
        return None


def make_rows(site: Site, uid: str, *, base: str) -> list[dict[str, Any]]:
    """All members of a list, by ``COLUMNS``; raises ``NotFound``."""
    with site.catalog.session() as session:
        items = list_items(session, get_list(session, uid))
    entries = shown_entries(site)
    return [_row(site, entries.get(item.dictionary), item, place=n, base=base) for n, item in enumerate(items)]


def make_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Members as a table; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row[name]) for name in COLUMNS] for row in rows)
    return buffer.getvalue()


def _row(site: Site, entry: Entry | None, item: ListItem, *, place: int, base: str) -> dict[str, Any]:
    chip = find_chip(site, entry, item.concept) if entry else None
    return {
        "position": place,
        "dictionary": entry.slug if entry else None,
        "dictionary_digest": item.dictionary,
        "concept": item.concept,
        "label": chip.label if chip else None,
        "note": item.note,
        "author": item.author,
        "added_at": moment(item.added_at),
        "page": f"{base.rstrip('/')}{chip.links.html}" if chip else None,
    }


def _cell(value: str | int | None) -> str | int:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value if value is not None else ""


def _brief(
    site: Site, row: ConceptList, items: Sequence[ListItem], *, entries: Mapping[str, Entry] | None = None
) -> ListBrief:
    """A list in little, with its first members where the dictionaries are given that can be shown."""
    entries = entries or {}
    shown = [item for item in items if item.dictionary in entries][:N_FIRST]
    chips = (find_chip(site, entries[item.dictionary], item.concept) for item in shown)
    return ListBrief(
        id=row.uid,
        title=row.title,
        note=row.note,
        author=row.author,
        created_at=moment(row.created_at) or "",
        edited_at=moment(row.edited_at) or "",
        revision=row.revision,
        etag=etag_of(row.revision),
        n_concepts=len(items),
        links=Links(html=urls.lists(row.uid), api=urls.api_lists(row.uid)),
        first=tuple(chip for chip in chips if chip is not None),
    )
