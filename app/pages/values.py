"""All values of a column of words with their counts: a page, and the fragment that a search in the grid brings."""

from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.answers import fragment_answer, page_answer, page_etag
from app.makers.asking import Asked, ask_page
from app.makers.called import Called
from app.makers.facets import MOST_FOUND, MOST_VALUES, Counter, make_all_values
from app.makers.frames import Place, dictionary_frame
from app.makers.grid_links import label_of
from app.params import note_query
from app.site import SiteDep
from app.views.base import Crumb

router = APIRouter(include_in_schema=False)
FIND = "find"


def _read(request: Request) -> tuple[Asked, str]:
    """What is asked for of the grid, and the text that is sought among the values."""
    pairs = request.query_params.multi_items()
    find = "".join(value.strip() for name, value in pairs if name == FIND)[:200]
    asked = replace(ask_page([pair for pair in pairs if pair[0] != FIND]), cursor="")
    note_query(request, (*asked.whole, (FIND, find)))
    return asked, find


@router.get("/d/{slug}/values/{column}")
def values(slug: str, column: str, *, request: Request, site: SiteDep) -> Response:
    """The page: each value is a link that adds it to the filter, or takes it away."""
    entry = site.roster.get(slug)
    asked, find = _read(request)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        view = make_all_values(
            Counter(opened, asked), column, Called(opened, site.drawings), find=find, most=MOST_VALUES
        )
        place = Place(
            kind="values",
            title=f"{label_of(column)}: all values, {entry.title}",
            json_url=urls.with_query(f"{urls.concept_values(slug, column)}.json", asked.query.pairs),
            api_url=urls.api_dictionaries(slug, "facets", query=asked.query.pairs),
            trail=(Crumb(label="Concepts", url=view.grid_url), Crumb(label=f"{label_of(column)}: all values")),
            q=asked.query.q,
        )
        frame = dictionary_frame(opened, place, base=str(request.base_url))
    return page_answer(site, "concepts/values.html", view=view, frame=frame, etag=etag)


@router.get("/_f/d/{slug}/values/{column}")
def found(slug: str, column: str, *, request: Request, site: SiteDep) -> Response:
    """The values that a text occurs in, as boxes of the filter form."""
    entry = site.roster.get(slug)
    asked, find = _read(request)
    etag = page_etag(request, site)
    with site.opened(entry) as opened:
        view = make_all_values(
            Counter(opened, asked), column, Called(opened, site.drawings), find=find, most=MOST_FOUND, with_chosen=True
        )
    return fragment_answer(site, "concepts/_values.html", view=view, etag=etag)
