"""Evidence images."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import data_answer
from app.api.wrap import build_etag, data_etag, wrap
from app.flat import field_names
from app.formats import TABLE, choose_format, split_fields
from app.makers.image_asking import (
    CLASS,
    CONCEPT,
    LIMIT,
    PATCH,
    SPLIT,
    ask_image,
    ask_image_table,
    choose_entry,
    find_knowing,
)
from app.makers.image_page import make_image
from app.makers.images import find_images, make_image_card
from app.makers.paging import make_paging
from app.params import CURSOR, Param, document, more_with_fields, read_params
from app.pinning import Pinned
from app.site import SiteDep
from app.tables import Around, Listed, list_answer, sheet_answer
from app.views.envelope import Envelope
from app.views.images import ImageCard, ImageView
from store.atlas.sheets import image_sheet

router = APIRouter(prefix=urls.API, tags=["images"])
IN_TABLES = tuple(name for name in field_names(ImageCard) if name != "links")
_DICTIONARY = Param("dictionary", "Slug of the dictionary; the first that knows the image when empty.")


@router.get(
    "/dictionaries/{slug}/images",
    operation_id="list_images",
    dependencies=[Pinned],
    openapi_extra=document(CLASS, SPLIT, CURSOR, more_with_fields(LIMIT), *TABLE),
    responses={200: {"model": Envelope[tuple[ImageCard, ...]]}},
)
def images(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The images that serve as evidence."""
    entry = site.roster.get(slug)
    form = choose_format(request)
    asked, fields = ask_image_table(request, form)
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        page = find_images(opened, asked)
        paging = make_paging(page, page_url=lambda cursor: cursor)
        around = Around(etag, urls.images(slug, () if form else asked.pairs), entry, paging)
        if form:
            names = split_fields(fields, IN_TABLES)
            sheet = image_sheet(opened.atlas, [row["image"] for row in page.items]).only(names)
            return sheet_answer(request, sheet, f"{slug}-images", around=around)
        cards = tuple(make_image_card(opened, row) for row in page.items)
    return list_answer(request, Listed(ImageCard, cards, f"{slug}-images"), fields, around=around)


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
    slug = values["dictionary"]
    etag = data_etag(request, site, site.roster.get(slug) if slug else site.roster.stamp())
    entry = choose_entry(site, slug, image_id=image, knowing=() if slug else find_knowing(site, image))
    with site.opened(entry) as opened:
        view = make_image(opened, image, concept=concept, patch=patch)
    html = urls.image(image, entry.slug, concept=concept, patch=patch)
    return data_answer(wrap(request, view, html=html, entry=entry), etag=etag)
