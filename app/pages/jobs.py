"""The list of jobs, a job's page, and the buttons on it."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.access.needs import needs
from app.answers import NEVER, check_fresh, fragment_answer, page_answer, page_etag
from app.makers.frames import plain_frame
from app.makers.job_list import PARAMS, ask_jobs, make_jobs
from app.makers.jobs import make_job, make_log
from app.origin import may_change
from app.params import RowId, read_params
from app.site import SiteDep
from app.timing import timed
from app.views.base import Crumb, View
from store.catalog.jobs import LOG_LINES_MAX, cancel_job, retry_job
from store.specs import digest_of
from store.vocabulary import Scope

router = APIRouter(include_in_schema=False, dependencies=[needs(Scope.JOBS, counts="reads")])
JOBS_CRUMB = Crumb(label="Jobs", url=urls.jobs())


def _digest(view: View) -> str:
    return digest_of(view.model_dump(mode="json"))


@router.get("/jobs")
def jobs(request: Request, site: SiteDep) -> Response:
    """All jobs, newest first, and the workers."""
    asked = ask_jobs(read_params(request, *PARAMS, display=True))
    with timed("data"):
        view = make_jobs(site, asked)
    frame = plain_frame(
        "jobs",
        title="Jobs",
        json_url=urls.with_query("/jobs.json", asked.query),
        api_url=urls.api_jobs(query=asked.query),
        base=str(request.base_url),
    )
    return page_answer(site, "jobs/page.html", view=view, frame=frame, etag=page_etag(request, site, _digest(view)))


@router.get("/_f/jobs")
def jobs_fragment(request: Request, site: SiteDep) -> Response:
    """The list alone."""
    view = make_jobs(site, ask_jobs(read_params(request, *PARAMS)))
    etag = check_fresh(request, site.code, site.pages.digest, _digest(view))
    return fragment_answer(site, "jobs/_list.html", view=view, etag=etag)


@router.get("/jobs/{job_id:int}")
def job(job_id: RowId, request: Request, *, site: SiteDep) -> Response:
    """One job."""
    read_params(request, display=True)
    with timed("data"):
        view = make_job(site, job_id, base=str(request.base_url))
    frame = plain_frame(
        "job",
        title=f"Job {view.id}: {view.title}",
        json_url=f"{urls.job(job_id)}.json",
        api_url=urls.api_jobs(job_id),
        base=str(request.base_url),
        trail=(JOBS_CRUMB,),
    )
    etag = page_etag(request, site, _digest(view), [line.id for line in view.log])
    return page_answer(site, "jobs/job.html", view=view, frame=frame, etag=etag)


@router.get("/_f/jobs/{job_id:int}")
def job_fragment(job_id: RowId, request: Request, *, site: SiteDep) -> Response:
    """How a job stands."""
    read_params(request)
    view = make_job(site, job_id, base=str(request.base_url))
    etag = check_fresh(request, site.code, site.pages.digest, _digest(view), [line.id for line in view.log])
    return fragment_answer(site, "jobs/_standing.html", view=view, etag=etag)


@router.get("/jobs/{job_id:int}/log.txt")
def log(job_id: RowId, request: Request, *, site: SiteDep) -> Response:
    """The whole log as a file."""
    read_params(request)
    lines = make_log(site, job_id, after_id=0, limit=LOG_LINES_MAX)
    text = "".join(f"{line.at} {line.level:<7} {line.worker} {line.text}\n" for line in lines)
    named = {"Content-Disposition": f'attachment; filename="job-{job_id}.log"', "Cache-Control": NEVER}
    return Response(text, media_type="text/plain; charset=utf-8", headers=named)


@router.post("/jobs/{job_id:int}/cancel", dependencies=[needs(Scope.JOBS), Depends(may_change)])
def cancel(job_id: RowId, site: SiteDep) -> Response:
    """Stop it, and show it."""
    with site.catalog.session() as session:
        cancel_job(session, job_id)
    return RedirectResponse(urls.job(job_id), 303)


@router.post("/jobs/{job_id:int}/retry", dependencies=[needs(Scope.JOBS), Depends(may_change)])
def retry(job_id: RowId, site: SiteDep) -> Response:
    """Queue it again, and show it."""
    with site.catalog.session() as session:
        retry_job(session, job_id)
    return RedirectResponse(urls.job(job_id), 303)
