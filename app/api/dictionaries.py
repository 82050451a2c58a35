"""Dictionaries: the collection, one, its metrics, statistics and facets."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import data_etag, wrap
from app.formats import TABLE, choose_format
from app.makers.asking import ask_api
from app.makers.dictionaries import make_dictionary, make_dictionary_card, make_history
from app.makers.facets import Counter, make_facets
from app.makers.metrics import make_scores
from app.params import Param, document, note_query, read_params
from app.pinning import Pinned
from app.site import SiteDep
from app.tables import Around, Listed, list_answer
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
    openapi_extra=document(*_FILTERS, *TABLE),
    responses={200: {"model": Envelope[tuple[DictionaryCard, ...]]}},
)
def dictionaries(request: Request, site: SiteDep) -> Response:
    """All dictionaries with their headline numbers."""
    choose_format(request)
    values = read_params(request, *_FILTERS, *TABLE)
    wanted = {param.name: values[param.name] for param in _FILTERS if values[param.name]}
    etag = data_etag(request, site, site.stamp())
    cards = []
    for entry in site.roster.entries():
        if all(getattr(entry, name) == value for name, value in wanted.items()):
            with site.opened(entry) as opened:
                cards.append(make_dictionary_card(site, opened))
    around = Around(etag, urls.home())
    return list_answer(request, Listed(DictionaryCard, tuple(cards), "dictionaries"), values["fields"], around=around)


@router.get(
    "/{slug}",
    operation_id="get_dictionary",
    dependencies=[Pinned],
    responses={200: {"model": Envelope[DictionaryView]}},
)
def dictionary(slug: str, request: Request, *, site: SiteDep) -> Response:
    """One dictionary."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry, site.stamp())  # ranks depend on its peers
    with site.opened(entry) as opened:
        view = make_dictionary(site, opened)
    return data_answer(wrap(request, view, html=urls.dictionary(slug), entry=entry), etag=etag)


@router.get("/{slug}/metrics", operation_id="get_metrics", dependencies=[Pinned])
def metrics(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Every measured number with its definition and null, and the training history."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = data_etag(request, site, entry, site.stamp())
    with site.opened(entry) as opened:
        data = {"metrics": make_scores(site, entry), "history": make_history(opened)}
    return data_answer(wrap(request, data, html=urls.dictionary(slug), entry=entry), etag=etag)


@router.get(
    "/{slug}/statistics",
    operation_id="get_statistics",
    dependencies=[Pinned],
    openapi_extra=document(grammar=True),
    responses={200: {"model": Envelope[tuple[ColumnStatistics, ...]]}},
)
def statistics(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Each numeric column over the concepts that meet a query, in the bins of the whole dictionary."""
    entry = site.roster.get(slug)
    query = ask_api(request.query_params.multi_items()).query
    note_query(request, query.pairs)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        names = numbers(universal=opened.atlas.is_universal)
        data = tuple(_statistics(name, opened.concepts.histogram(name, query)) for name in names)
    return data_answer(wrap(request, data, html=urls.dictionary(slug), entry=entry), etag=etag)


@router.get(
    "/{slug}/facets",
    operation_id="get_facets",
    dependencies=[Pinned],
    openapi_extra=document(grammar=True),
    responses={200: {"model": Envelope[Facets]}},
)
def facets(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Counts per value of words and per bin of numbers, each under the query's other conditions."""
    entry = site.roster.get(slug)
    asked = ask_api(request.query_params.multi_items())
    query = asked.query
    note_query(request, query.pairs)
    etag = data_etag(request, site, entry, site.overlays.stamp())
    with site.opened(entry) as opened:
        data = make_facets(Counter(opened, asked))
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
