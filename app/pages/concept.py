"""A concept's page, and the tiles of one band as a fragment."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.annotating import author_of
from app.answers import fragment_answer, page_answer, page_etag
from app.makers.concept import make_concept
from app.makers.concept_asking import BALANCE, ask_concept
from app.makers.concept_streams import find_concept_streams
from app.makers.concepts import concept_name, parse_concept
from app.makers.examples import make_examples
from app.makers.frames import Place, dictionary_frame, make_switch
from app.params import Param, note_query, read_params
from app.site import SiteDep
from app.views.base import Crumb
from store.vocabulary import Band

router = APIRouter(include_in_schema=False)
BAND = Param("band", "Which band of examples.", tuple(band.value for band in Band), Band.TOP.value)


@router.get("/d/{slug}/c/{index}")
def concept(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The page; the query carries the order that the concept was found in."""
    entry = site.roster.get(slug)
    asked, author = ask_concept(request.query_params.multi_items()), author_of(request)
    note_query(request, asked.whole)
    etag = page_etag(request, site, author)
    twin = asked.twin
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        view = make_concept(site, opened, number, asked=asked, author=author)
        name = concept_name(opened, number)
        place = Place(
            kind="concept",
            title=f"{name} (#{number})" if name != f"#{number}" else f"Concept #{number}",
            json_url=urls.with_query(f"{urls.concept(slug, number)}.json", twin),
            api_url=urls.api_concept(slug, number, query=twin),
            trail=(Crumb(label="Concepts", url=view.grid_url), Crumb(label=name)),
            switch=make_switch(site.roster.entries(), slug, url_for=urls.concepts),
            q=asked.order.query.q,
        )
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "concept/page.html", view=view, frame=frame, etag=etag)


@router.get("/_f/d/{slug}/c/{index}/examples")
def examples(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The tiles of one band."""
    entry = site.roster.get(slug)
    values = read_params(request, BAND, BALANCE, display=True)
    band = Band(values["band"])
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
        row = make_examples(opened, number, band=band, is_balanced=bool(values["balance"]))
        streams = find_concept_streams(site, opened, number, band=band)
    return fragment_answer(site, "concept/_examples.html", view=row, etag=etag, row=row, streams=streams)
