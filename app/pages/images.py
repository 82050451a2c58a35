"""The images that serve as evidence."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import page_answer, page_etag
from app.makers.frames import Place, dictionary_frame, make_switch
from app.makers.image_asking import ask_images
from app.makers.images import make_images
from app.site import SiteDep
from app.views.base import Crumb

router = APIRouter(include_in_schema=False)


@router.get("/d/{slug}/i")
def images(slug: str, request: Request, *, site: SiteDep) -> Response:
    """A page of photos."""
    entry = site.roster.get(slug)
    asked = ask_images(request)
    etag = page_etag(request, site)
    query = (*asked.pairs, ("cursor", asked.cursor))
    place = Place(
        kind="images",
        title=f"Images of {entry.title}",
        json_url=urls.with_query(f"{urls.images(slug)}.json", query),
        api_url=urls.api_dictionaries(slug, "images", query=query),
        trail=(Crumb(label="Images"),),
        switch=make_switch(site.roster.entries(), slug, url_for=urls.images),
    )
    with site.opened(entry) as opened:
        view = make_images(opened, asked)
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "images/page.html", view=view, frame=frame, etag=etag)
