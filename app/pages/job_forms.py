"""Forms that start jobs; every field stands in the address, so that a filled form can be passed on."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.access.needs import needs
from app.access.who import who_asks
from app.answers import fragment_answer, page_answer
from app.bodies import FormBody
from app.makers.frames import plain_frame
from app.makers.job_fields import FORMS
from app.makers.job_forms import Filled, check_kind, fill, form_for, make_form, make_plan
from app.origin import may_change
from app.pages.jobs import JOBS_CRUMB
from app.params import Param, read_params
from app.site import Site, SiteDep
from store.catalog.collections import list_collections
from store.catalog.jobs import submit_job
from store.vocabulary import JobKind, Scope

router = APIRouter(include_in_schema=False, dependencies=[needs(Scope.JOBS, counts="reads")])
_FROM = Param("from", "Start with what this job was asked for.")
_KEY = Param("key", "Idempotency key.")


def _given(request: Request, kind: str) -> dict[str, str]:
    """What the address fills in; an empty field is empty, one that is left out is as nobody had touched it."""
    read_params(request, _FROM, _KEY, *(Param(field.name, field.label) for field in FORMS[check_kind(kind)]))
    return dict(request.query_params)


@router.get("/jobs/new")
def choose(request: Request, site: SiteDep) -> Response:
    """Leads to the form that is wanted next: photos first, or the one in which an earlier job can be changed."""
    number = read_params(request, _FROM)["from"]
    if number:
        return RedirectResponse(urls.new_job(form_for(site, number), {"from": number}), 303)
    with site.catalog.session() as session:
        first = JobKind.TRAIN if list_collections(session) else JobKind.INGEST
    return RedirectResponse(urls.new_job(first), 303)


@router.get("/jobs/new/{kind}")
def form(kind: str, request: Request, *, site: SiteDep) -> Response:
    """A form, filled in as the address says."""
    given = _given(request, kind)
    return _page(request, site, kind, fill(site, kind, given), judged=bool(given))


@router.get("/_f/jobs/new/{kind}")
def plan(kind: str, request: Request, *, site: SiteDep) -> Response:
    """What the form would start."""
    filled = fill(site, kind, _given(request, kind))
    view = make_plan(site, filled, base=str(request.base_url))
    return fragment_answer(site, "jobs/_plan.html", view=view, etag="", faults=filled.faults)


@router.post("/jobs/new/{kind}", dependencies=[needs(Scope.JOBS), Depends(may_change)])
def start(kind: str, request: Request, *, site: SiteDep, given: FormBody) -> Response:
    """Start what was filled in, and show it; or the form again with what is wrong."""
    filled = fill(site, check_kind(kind), given)
    if filled.job is None:
        return _page(request, site, kind, filled, judged=True, status=400)
    with site.catalog.session() as session:
        by = who_asks().author("web page")
        row = submit_job(session, filled.job, idempotency_key=given.get("key") or None, created_by=by)
    return RedirectResponse(urls.job(row.id), 303)


def _page(request: Request, site: Site, kind: str, filled: Filled, *, judged: bool, status: int = 200) -> Response:
    view = make_form(site, kind, filled, base=str(request.base_url), judged=judged)
    frame = plain_frame(
        "new-job",
        title=view.heading,
        json_url=f"{urls.new_job(kind)}.json",
        api_url=urls.api_jobs(),
        base=str(request.base_url),
        trail=(JOBS_CRUMB,),
    )
    response = page_answer(site, "jobs/new.html", view=view, frame=frame, etag="")
    response.status_code = status
    return response
