"""The service itself, models, collections, the glossary."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import FOR_A_WHILE, data_answer
from app.api.wrap import data_etag, wrap
from app.makers.dictionaries import make_home
from app.makers.terms import make_glossary
from app.params import read_params
from app.roster import Entry
from app.site import Site, SiteDep
from app.views.dictionaries import ModelShelf
from app.views.envelope import Envelope
from app.views.service import CollectionView, ServiceView
from app.views.terms import GlossaryView
from store.atlas.cursor import LIMIT_DEFAULT, LIMIT_MAX
from store.errors import NotFound
from store.version import VERSION

router = APIRouter(prefix=urls.API, tags=["service"])


@router.get("", operation_id="get_service", responses={200: {"model": Envelope[ServiceView]}})
def service(request: Request, site: SiteDep) -> Response:
    """What is served, by which version, within which limits."""
    read_params(request)
    etag = data_etag(request, site, site.stamp())
    home = make_home(site)
    view = ServiceView(
        version=VERSION,
        n_models=home.n_models,
        n_dictionaries=home.n_dictionaries,
        n_concepts=home.n_concepts,
        n_images=home.n_images,
        models=home.models,
        broken=home.broken,
        links={
            "models": urls.api_models(),
            "datasets": urls.api_datasets(),
            "dictionaries": urls.api_dictionaries(),
            "compare": urls.api_compare(),
            "glossary": urls.api_glossary(),
            "lists": urls.api_lists(),
            "search": urls.api_search(),
            "openapi": urls.api_description(),
        },
        limits={"limit_default": LIMIT_DEFAULT, "limit_max": LIMIT_MAX},
    )
    return data_answer(wrap(request, view, html=urls.home()), etag=etag)


@router.get("/models", operation_id="list_models", responses={200: {"model": Envelope[tuple[ModelShelf, ...]]}})
def models(request: Request, site: SiteDep) -> Response:
    """All models with their dictionaries."""
    read_params(request)
    etag = data_etag(request, site, site.stamp())
    return data_answer(wrap(request, make_home(site).models, html=urls.home()), etag=etag)


@router.get("/models/{model:path}", operation_id="get_model", responses={200: {"model": Envelope[ModelShelf]}})
def model(model: str, request: Request, *, site: SiteDep) -> Response:
    """One model with its dictionaries."""
    read_params(request)
    etag = data_etag(request, site, site.stamp())
    shelves = {shelf.slug: shelf for shelf in make_home(site).models}
    if model not in shelves:
        raise NotFound("model", model, known=shelves)
    return data_answer(wrap(request, shelves[model], html=urls.home()), etag=etag)


@router.get("/datasets", operation_id="list_datasets", responses={200: {"model": Envelope[tuple[CollectionView, ...]]}})
def datasets(request: Request, site: SiteDep) -> Response:
    """All collections that a dictionary was trained on."""
    read_params(request)
    etag = data_etag(request, site, site.stamp())
    return data_answer(wrap(request, tuple(_collections(site).values())), etag=etag, cache=FOR_A_WHILE)


@router.get("/datasets/{dataset}", operation_id="get_dataset", responses={200: {"model": Envelope[CollectionView]}})
def dataset(dataset: str, request: Request, *, site: SiteDep) -> Response:
    """One collection."""
    read_params(request)
    etag = data_etag(request, site, site.stamp())
    found = _collections(site)
    if dataset not in found:
        raise NotFound("collection", dataset, known=found)
    return data_answer(wrap(request, found[dataset]), etag=etag, cache=FOR_A_WHILE)


@router.get("/glossary", operation_id="get_glossary", responses={200: {"model": Envelope[GlossaryView]}})
def glossary(request: Request, site: SiteDep) -> Response:
    """Definitions of all numbers."""
    read_params(request)
    etag = data_etag(request, site)
    return data_answer(wrap(request, make_glossary(), html=urls.glossary()), etag=etag, cache=FOR_A_WHILE)


def _collections(site: Site) -> dict[str, CollectionView]:
    by_slug: dict[str, list[Entry]] = {}
    for entry in site.roster.entries():
        by_slug.setdefault(entry.collection, []).append(entry)
    return {slug: _collection(entries) for slug, entries in sorted(by_slug.items())}


def _collection(entries: list[Entry]) -> CollectionView:
    first: Any = entries[0]
    return CollectionView(
        slug=first.collection,
        title=first.collection_title,
        n_images=first.n_images,
        digest=first.collection_digest,
        dictionaries=tuple(entry.slug for entry in entries),
        links={"self": urls.api_datasets(first.collection)},
    )
