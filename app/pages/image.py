"""An image's page: what fires where."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.frames import Place, dictionary_frame, make_switch
from app.makers.image_asking import CONCEPT, PATCH, ask_image, choose_entry, find_knowing
from app.makers.image_page import make_image
from app.params import Param, read_params
from app.site import SiteDep
from app.views.base import Crumb

router = APIRouter(include_in_schema=False)
DICTIONARY = Param("d", "Slug of the dictionary; the first that knows the image when empty.")


@router.get("/i/{image}")
def image(image: str, request: Request, *, site: SiteDep) -> Response:
    """The page."""
    values = read_params(request, DICTIONARY, CONCEPT, PATCH, display=True)
    concept, patch = ask_image(values)
    etag = page_etag(request, site)
    knowing = find_knowing(site, image)
    entry = choose_entry(site, values["d"], image_id=image, knowing=knowing)
    switch = make_switch(knowing, entry.slug, url_for=lambda slug: urls.image(image, slug))
    query = {"dictionary": entry.slug, "concept": values["concept"], "patch": values["patch"]}
    with site.opened(entry) as opened:
        view = make_image(opened, image, concept=concept, patch=patch, knowing=switch)
        place = Place(
            kind="image",
            title=f"Image {view.image.source}",
            json_url=urls.with_query(f"/i/{image}.json", values),
            api_url=urls.api_image(image, query=query),
            trail=(Crumb(label="Images", url=urls.images(entry.slug)), Crumb(label=view.image.source)),
            switch=switch,
        )
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "image/page.html", view=view, frame=frame, etag=etag)
