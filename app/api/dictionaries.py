"""Dictionaries: the collection, one, its metrics, statistics and facets."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import FOR_A_WHILE, data_answer
from app.api.wrap import data_etag, wrap
from app.makers.asking import ask_api
from app.makers.dictionaries import make_dictionary, make_dictionary_card, make_history
from app.makers.metrics import make_scores
from app.params import Param, document, read_params
from app.site import SiteDep
from app.views.dictionaries import DictionaryCard, DictionaryView
from app.views.envelope import Envelope
from app.views.service import ColumnStatistics, Facets
from app.words import column_number, numbers
from store.atlas.query import ColumnHistogram

router = APIRouter(prefix=f"{urls.API}/dictionaries", tags=["dictionaries"])
_FILTERS = (
    Param("model", "Only dictionaries of this model."),
    Param("layer", "Only dictionaries of this layer."),
    Param("method", "Only dictionaries made by this method."),
)


@router.get(
    "",
    operation_id="list_dictionaries",
    openapi_extra=document(*_FILTERS),
    responses={200: {"model": Envelope[tuple[DictionaryCard, ...]]}},
)
def dictionaries(request: Request, site: SiteDep) -> Response:
    """All dictionaries with their headline numbers."""
    wanted = {name: value for name, value in read_params(request, *_FILTERS).items() if value}
    etag = data_etag(request, site, site.stamp())
    cards = []
    for entry in site.roster.entries():
        if all(getattr(entry, name) == value for name, value in wanted.items()):
            with site.opened(entry) as opened:
                cards.append(make_dictionary_card(site, opened))
    return data_answer(wrap(request, tuple(cards), html=urls.home()), etag=etag)


@router.get("/{slug}", operation_id="get_dictionary", responses={200: {"model": Envelope[DictionaryView]}})
def dictionary(slug: str, request: Request, *, site: SiteDep) -> Response:
    """One dictionary."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry, site.stamp())  # ranks depend on its peers
    with site.opened(entry) as opened:
        view = make_dictionary(site, opened)
    return data_answer(wrap(request, view, html=urls.dictionary(slug), entry=entry), etag=etag)


@router.get("/{slug}/metrics", operation_id="get_metrics")
def metrics(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Every measured number with its definition and null, and the training history."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry, site.stamp())
    with site.opened(entry) as opened:
        data = {"metrics": make_scores(site, entry), "history": make_history(opened)}
    return data_answer(wrap(request, data, html=urls.dictionary(slug), entry=entry), etag=etag, cache=FOR_A_WHILE)


@router.get(
    "/{slug}/statistics",
    operation_id="get_statistics",
    openapi_extra=document(grammar=True),
    responses={200: {"model": Envelope[tuple[ColumnStatistics, ...]]}},
)
def statistics(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Histogram of each numeric column, over all concepts or those that meet a query."""
    entry = site.roster.get(slug)
    query = ask_api(request.query_params.multi_items()).query
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        filtered = query if query.conditions or query.q else None
        names = numbers(universal=opened.atlas.is_universal)
        data = tuple(_statistics(name, opened.concepts.histogram(name, filtered)) for name in names)
    return data_answer(wrap(request, data, html=urls.dictionary(slug), entry=entry), etag=etag)


@router.get(
    "/{slug}/facets",
    operation_id="get_facets",
    openapi_extra=document(grammar=True),
    responses={200: {"model": Envelope[Facets]}},
)
def facets(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Counts per class and warning, each under the query's other conditions."""
    entry = site.roster.get(slug)
    query = ask_api(request.query_params.multi_items()).query
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        data = Facets(
            total=int(opened.concepts.mask(query).sum()),
            classes=opened.concepts.facet("class", query),
            badges=opened.concepts.facet("badge", query),
        )
    return data_answer(wrap(request, data, html=urls.concepts(slug, query.pairs), entry=entry), etag=etag)


def _statistics(name: str, found: ColumnHistogram) -> ColumnStatistics:
    number = column_number(name)
    return ColumnStatistics(
        column=name,
        label=number.label,
        unit=number.unit or number.range,
        definition=number.definition,
        log=found.log,
        edges=found.edges,
        counts=found.counts,
        n_null=found.n_null,
        n_zero=found.n_zero,
        min=found.min,
        max=found.max,
    )
