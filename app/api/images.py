"""Evidence images."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import data_etag, wrap
from app.makers.image_asking import (
    CLASS,
    CONCEPT,
    LIMIT,
    PATCH,
    SPLIT,
    ask_image,
    ask_images,
    choose_entry,
    find_knowing,
)
from app.makers.images import make_image, make_images
from app.params import CURSOR, Param, document, read_params
from app.site import SiteDep
from app.views.envelope import Envelope
from app.views.images import ImageCard, ImageView

router = APIRouter(prefix=urls.API, tags=["images"])
_DICTIONARY = Param("dictionary", "Slug of the dictionary; the first that knows the image when empty.")


@router.get(
    "/dictionaries/{slug}/images",
    operation_id="list_images",
    openapi_extra=document(CLASS, SPLIT, CURSOR, LIMIT),
    responses={200: {"model": Envelope[tuple[ImageCard, ...]]}},
)
def images(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The images that serve as evidence."""
    entry = site.roster.get(slug)
    asked = ask_images(request)
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        view = make_images(opened, asked)
    html = urls.images(slug, asked.pairs)
    return data_answer(wrap(request, view.cards, html=html, entry=entry, paging=view.paging), etag=etag)


@router.get(
    "/images/{image}",
    operation_id="get_image",
    openapi_extra=document(_DICTIONARY, CONCEPT, PATCH),
    responses={200: {"model": Envelope[ImageView]}},
)
def image(image: str, request: Request, *, site: SiteDep) -> Response:
    """One image: what fires where."""
    values = read_params(request, _DICTIONARY, CONCEPT, PATCH)
    concept, patch = ask_image(values)
    entry = choose_entry(site, values["dictionary"], image_id=image, knowing=find_knowing(site, image))
    etag = data_etag(request, site, entry)
    with site.opened(entry) as opened:
        view = make_image(opened, image, concept=concept, patch=patch)
    html = urls.image(image, entry.slug, concept=concept, patch=patch)
    return data_answer(wrap(request, view, html=html, entry=entry), etag=etag)
