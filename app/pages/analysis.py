"""A photo explained, the edits tried on it, and the button that deletes it."""

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.access.needs import needs
from app.answers import PRIVATE, fragment_answer, page_answer
from app.api.analyses import forget, private, shown
from app.bodies import FormBody
from app.editing import show_edits
from app.leaving import while_waited_for
from app.makers.analysis_asking import (
    ASKS_THE_ENCODER,
    BESIDE,
    CONCEPT,
    EDITS,
    MAP,
    PAINTED,
    PATCH,
    SORT,
    STREAM,
    AnalysisAsked,
    ask_analysis,
    dictionary_param,
)
from app.makers.analysis_forms import edits_of
from app.makers.analysis_found import place_of
from app.makers.frames import Place, dictionary_frame
from app.occluding import show_chosen
from app.params import read_params
from app.site import Site, SiteDep
from app.views.base import Crumb, Frame
from store.atlas.grammar import BadQuery, Fault
from store.vocabulary import Scope

router = APIRouter(include_in_schema=False)
_PARAMS = (dictionary_param("d"), STREAM, SORT, CONCEPT, PATCH, PAINTED, MAP, EDITS, BESIDE)


@router.get("/a/{public_id}", dependencies=[needs(Scope.READ, counts="reads", analyses_if=ASKS_THE_ENCODER)])
async def analysis(public_id: str, request: Request, *, site: SiteDep) -> Response:
    """The photo in the eyes of one dictionary, or of all side by side."""
    values = read_params(request, *_PARAMS, display=True)
    asked = ask_analysis(values, dictionary=values["d"])
    view = await shown(site, public_id, asked, with_all=asked.is_beside, base=str(request.base_url))
    frame = await run_in_threadpool(_frame, request, site, public_id=public_id, asked=asked)
    return private(page_answer(site, "analysis/page.html", view=view, frame=frame, etag=""))


def _frame(request: Request, site: Site, *, public_id: str, asked: AnalysisAsked) -> Frame:
    found = site.keeper.get(public_id)
    told = found.result.dictionaries[place_of(found, asked.dictionary)]
    query = [("dictionary" if k == "d" else k, v) for k, v in asked.pairs if k != "beside"]
    place = Place(
        kind="analysis",
        title="Your photo" if found.result.source is None else "A photo explained",
        json_url=urls.with_query(f"/a/{public_id}.json", asked.pairs),
        api_url=urls.api_analyses(public_id, query=query),
        trail=(Crumb(label="Explain a photo", url=urls.analyze({"d": told.slug})), Crumb(label="Result")),
    )
    with site.opened(site.roster.get(told.slug)) as opened:
        return dictionary_frame(opened, place, base=str(request.base_url))


@router.get("/_f/a/{public_id}/edits", dependencies=[needs(Scope.READ, counts="analyses")])
async def edits_fragment(public_id: str, request: Request, *, site: SiteDep) -> Response:
    """What edits do."""
    values = read_params(request, *_PARAMS)
    asked = ask_analysis(values, dictionary=values["d"])
    found = await run_in_threadpool(site.keeper.get, public_id)
    view = await while_waited_for(request, show_edits(site, found, asked, base=str(request.base_url)))
    return private(fragment_answer(site, "analysis/_edit.html", view=view, etag=""))


@router.get("/_f/a/{public_id}/concept", dependencies=[needs(Scope.READ, counts="reads", analyses_if=ASKS_THE_ENCODER)])
async def concept_fragment(public_id: str, request: Request, *, site: SiteDep) -> Response:
    """The chosen concept, and what is lost without it if that is asked."""
    values = read_params(request, *_PARAMS)
    asked = ask_analysis(values, dictionary=values["d"])
    if asked.concept is None:
        raise BadQuery(Fault("concept", "Name the concept by 'concept'."))
    found = await run_in_threadpool(site.keeper.get, public_id)
    view = await while_waited_for(request, show_chosen(site, found, asked))
    return private(fragment_answer(site, "analysis/_concept.html", view=view, etag=""))


@router.post("/a/{public_id}/edits", dependencies=[needs(Scope.READ)])
def edits(public_id: str, site: SiteDep, *, given: FormBody) -> Response:
    """The address of a filled-in form of edits."""
    site.keeper.get(public_id)
    asked = edits_of(given)
    return RedirectResponse(asked.url(public_id) + "#edit", 303, headers={"Cache-Control": PRIVATE})


@router.post("/a/{public_id}/delete", dependencies=[needs(Scope.ANALYSE)])
async def delete(public_id: str, site: SiteDep) -> Response:
    """Delete it now."""
    await forget(site, public_id)
    return RedirectResponse(urls.analyze({"gone": "1"}), 303, headers={"Cache-Control": PRIVATE})
