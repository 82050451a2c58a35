"""The collection of a dictionary's concepts."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import chosen_fields, data_answer
from app.api.wrap import data_etag, wrap
from app.makers.asking import answer, ask_api
from app.makers.concepts import make_card
from app.makers.paging import make_paging
from app.params import CURSOR, LIMIT, Param, document, listed
from app.site import SiteDep
from app.views.concepts import ConceptCard
from app.views.envelope import Envelope
from store.atlas.grammar import BadQuery, Fault

router = APIRouter(prefix=f"{urls.API}/dictionaries", tags=["concepts"])
FIELDS = tuple(name for name, field in ConceptCard.model_fields.items() if not field.exclude)
_FIELDS = Param("fields", "Only these fields of each concept, as a comma list.", schema=listed(*FIELDS))


@router.get(
    "/{slug}/concepts",
    operation_id="list_concepts",
    openapi_extra=document(CURSOR, LIMIT, _FIELDS, grammar=True),
    responses={200: {"model": Envelope[tuple[ConceptCard, ...] | tuple[dict[str, Any], ...]]}},
)
def concepts(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Concepts by the query grammar: the same names as on the grid page."""
    entry = site.roster.get(slug)
    pairs = request.query_params.multi_items()
    asked = ask_api(pairs, other=("fields",))
    fields = _chosen(dict(pairs).get("fields", ""))
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        page = answer(opened, asked)
        cards = tuple(make_card(opened, concept) for concept in page.items)
    paging = make_paging(page, page_url=lambda cursor: cursor)
    data = chosen_fields(cards, fields) if fields else cards
    html = urls.concepts(slug, asked.pairs)
    return data_answer(wrap(request, data, html=html, entry=entry, paging=paging), etag=etag)


def _chosen(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    bad = [name for name in names if name not in FIELDS]
    if bad:
        raise BadQuery(Fault("fields", f"Concepts have no field '{bad[0]}'.", FIELDS))
    return names
