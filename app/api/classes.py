"""The classes of a dictionary, and one that the model predicts, with its concepts."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import data_etag, wrap
from app.formats import TABLE, choose_format
from app.makers.class_asking import (
    AGAINST,
    BY,
    CONCEPT_SORT,
    GROUP,
    INCLUDE,
    LIMIT,
    LIMIT_DEFAULT,
    OF,
    SORT,
    Q,
    ask_class,
    ask_class_table,
)
from app.makers.class_page import make_class, make_concepts, parse_output
from app.makers.classes import make_classes
from app.params import CURSOR, document, read_params
from app.pinning import Pinned
from app.site import SiteDep
from app.tables import Around, Listed, list_answer
from app.views.classes import ClassCard, ClassConcepts, ClassView
from app.views.envelope import Envelope
from store.atlas.cursor import parse_limit

router = APIRouter(prefix=f"{urls.API}/dictionaries/{{slug}}/classes", tags=["classes"], dependencies=[Pinned])


@router.get(
    "",
    operation_id="list_dictionary_classes",
    openapi_extra=document(OF, Q, GROUP, SORT, CURSOR, LIMIT, *TABLE),
    responses={200: {"model": Envelope[tuple[ClassCard, ...]]}},
)
def classes(slug: str, request: Request, *, site: SiteDep) -> Response:
    """Classes that the model predicts, or groups of the collection where the atlas tells of none."""
    entry = site.roster.get(slug)
    asked, fields = ask_class_table(request, choose_format(request))
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        view = make_classes(opened, asked)
    around = Around(etag, urls.classes(slug, asked.pairs), entry, view.paging)
    return list_answer(request, Listed(ClassCard, view.cards, f"{slug}-classes"), fields, around=around)


@router.get(
    "/{output}",
    operation_id="get_class",
    openapi_extra=document(BY, AGAINST),
    responses={200: {"model": Envelope[ClassView]}},
)
def one_class(slug: str, output: str, *, request: Request, site: SiteDep) -> Response:
    """A class that the model predicts: concepts, sum, curves, near classes."""
    entry = site.roster.get(slug)
    asked = ask_class(request)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_output(opened, output)
        view = make_class(opened, number, asked)
    html = urls.class_page(slug, number, query=asked.pairs)
    return data_answer(wrap(request, view, html=html, entry=entry), etag=etag)


@router.get(
    "/{output}/concepts",
    operation_id="list_class_concepts",
    openapi_extra=document(CONCEPT_SORT, INCLUDE, CURSOR, LIMIT),
    responses={200: {"model": Envelope[ClassConcepts]}},
)
def concepts(slug: str, output: str, *, request: Request, site: SiteDep) -> Response:
    """The concepts that matter for a class, in an order, and its curves on demand."""
    entry = site.roster.get(slug)
    values = read_params(request, CONCEPT_SORT, INCLUDE, CURSOR, LIMIT)
    limit = parse_limit(values["limit"], default=LIMIT_DEFAULT)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_output(opened, output)
        found, paging = make_concepts(
            opened,
            number,
            sort=values["sort"],
            limit=limit,
            cursor=values["cursor"],
            with_curves=values["include"] == "curves",
        )
    html = urls.class_page(slug, number)
    return data_answer(wrap(request, found, html=html, entry=entry, paging=paging), etag=etag)
