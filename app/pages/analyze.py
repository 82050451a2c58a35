"""The page that takes a photo."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.access.needs import needs
from app.analysing import analyse, chosen_entries
from app.answers import PRIVATE, page_answer
from app.errors import status_of
from app.leaving import while_waited_for
from app.makers.analyze import make_analyze
from app.makers.frames import plain_frame
from app.params import Param, as_index, read_params
from app.photo_choice import collection_photo
from app.site import Site, SiteDep
from app.uploads import read_form
from store.edits import Operation, make_edits
from store.errors import ConceptoscopeError, InvalidInput
from store.vocabulary import Scope

_GONE = Param("gone", "Say that a photo was deleted.", ("1",))
_DELETED = "The photo and all that was found on it are deleted."
router = APIRouter(include_in_schema=False)
_DICTIONARY = Param("d", "Slugs of the dictionaries to start with, with commas between.")


@router.get("/analyze")
def form(request: Request, site: SiteDep) -> Response:
    """The form."""
    values = read_params(request, _DICTIONARY, _GONE, display=True)
    chosen = [slug for slug in values["d"].split(",") if slug]
    return _page(request, site, chosen=chosen, said=_DELETED if values["gone"] else "")


@router.post("/analyze", dependencies=[needs(Scope.ANALYSE, counts="analyses", takes_photos=True)])
async def send(request: Request, site: SiteDep) -> Response:
    """Explain what was sent, and show it; or the form again with what is wrong."""
    slugs: tuple[str, ...] = ()
    try:
        sent = await read_form(request, max_bytes=site.settings.upload_bytes)
        slugs, image = sent.all("dictionary"), sent.all("image")
        entries = await run_in_threadpool(chosen_entries, site, slugs)
        if not image and not sent.photo:
            raise InvalidInput("No photo was chosen. Choose a file, drop one here, or take one of the examples.")
        photo = await run_in_threadpool(collection_photo, site, entries, image=image[0]) if image else sent.photo
        analysis = await while_waited_for(request, analyse(site, photo, entries))
    except ConceptoscopeError as fault:
        return await run_in_threadpool(_page, request, site, chosen=slugs, fault=str(fault), status=status_of(fault))
    shown = _slider(slugs[0], sent.all("concept"))
    return RedirectResponse(urls.analysis(analysis.public_id) + shown, 303, headers={"Cache-Control": PRIVATE})


def _slider(slug: str, concepts: Sequence[str]) -> str:
    """The rest of the address that shows a concept with its slider, where one is asked for; raises ``BadQuery``."""
    concept = as_index("concept", concepts[0]) if concepts else None
    if concept is None:
        return ""
    edits = make_edits([{"concept": concept, "operation": Operation.SCALE, "amount": 1}])
    return urls.with_query("", {"d": slug, "concept": str(concept), "edits": edits.text}) + "#edit"


def _page(
    request: Request, site: Site, *, chosen: Sequence[str], fault: str = "", said: str = "", status: int = 200
) -> Response:
    view = make_analyze(site, chosen=chosen, fault=fault, said=said)
    frame = plain_frame(
        "analyze",
        title="Explain a photo",
        json_url="/analyze.json",
        api_url=urls.api_root(),
        base=str(request.base_url),
    )
    response = page_answer(site, "analyze/page.html", view=view, frame=frame, etag="")
    response.status_code = status
    return response
