"""The collection of a dictionary's concepts."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.api.wrap import data_etag
from app.flat import field_names
from app.formats import FIELDS, FORMAT, choose_format, split_fields
from app.makers.asking import answer, ask_api
from app.makers.concepts import make_card
from app.makers.paging import make_paging
from app.params import CURSOR, LIMIT, document, more_with_fields, note_query
from app.pinning import Pinned
from app.site import SiteDep
from app.tables import Around, Listed, list_answer, sheet_answer
from app.views.concepts import ConceptCard
from app.views.envelope import Envelope
from store.atlas.cursor import FIELDS_LIMIT_MAX, LIMIT_MAX
from store.atlas.sheets import concept_sheet

router = APIRouter(prefix=f"{urls.API}/dictionaries", tags=["concepts"], dependencies=[Pinned])
KNOWN = field_names(ConceptCard)
IN_TABLES = tuple(name for name in KNOWN if name != "links")
"""Addresses follow from the index; tables leave them out."""


@router.get(
    "/{slug}/concepts",
    operation_id="list_concepts",
    openapi_extra=document(CURSOR, more_with_fields(LIMIT), FIELDS, FORMAT, grammar=True),
    responses={200: {"model": Envelope[tuple[ConceptCard, ...] | tuple[dict[str, Any], ...]]}},
)
def concepts(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Concepts by the query grammar: the same names as on the grid page. ``limit`` goes to 500 with ``fields``."""
    entry = site.roster.get(slug)
    pairs = request.query_params.multi_items()
    form, given = choose_format(request), dict(pairs)
    fields = split_fields(given.get("fields", ""), IN_TABLES if form else KNOWN)
    most = FIELDS_LIMIT_MAX if fields else LIMIT_MAX
    asked = ask_api(pairs, other=("fields", "format"), form=form, most=most)
    limit = given.get("limit", "").strip() if form else ""
    own = [("limit", limit), ("cursor", asked.cursor), ("fields", ",".join(fields))]
    note_query(request, (*(asked.query.pairs if form else asked.pairs), *own))
    etag = data_etag(request, site, entry, *([site.overlays.stamp()] if asked.query.reads_lists else []))
    with site.opened(entry) as opened:
        page = answer(opened, asked)
        paging = make_paging(page, page_url=lambda cursor: cursor)
        around = Around(etag, urls.concepts(slug, asked.query.pairs), entry, paging)
        if form:
            sheet = concept_sheet(opened.atlas, page.items, labels=opened.overlay.shown).only(fields)
            return sheet_answer(request, sheet, f"{slug}-concepts", around=around)
        cards = tuple(make_card(opened, concept) for concept in page.items)
    return list_answer(request, Listed(ConceptCard, cards, f"{slug}-concepts"), ",".join(fields), around=around)
