"""Jobs: list, start, look, log, events, estimate, cancel, retry."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.access.needs import needs
from app.access.who import who_asks
from app.answers import NEVER, check_fresh, data_answer, json_answer
from app.api.wrap import wrap
from app.live import Sight, stream
from app.makers.estimating import make_estimate
from app.makers.job_list import PARAMS, ask_jobs, make_job_page
from app.makers.jobs import make_job, make_log
from app.makers.watching import watch_job, watch_jobs
from app.origin import may_change
from app.params import Param, RowId, as_index, document, is_whole, read_params, whole
from app.site import Site, SiteDep
from app.views.envelope import Envelope
from app.views.jobs import EstimateView, JobBrief, JobView, LogLine
from store.atlas.cursor import parse_limit
from store.catalog.jobs import LOG_LINES_MAX, cancel_job, find_keyed_job, retry_job, submit_job
from store.errors import InvalidInput
from store.jobs import AnyJob
from store.specs import digest_of
from store.vocabulary import Scope

router = APIRouter(
    prefix=f"{urls.API}/jobs", tags=["jobs"], dependencies=[needs(Scope.JOBS, counts="reads")]
)  # to look, too: jobs tell folders and hosts of the machines that run them

_AFTER = Param("after", "Only lines after the one with this id.", default="0", schema=whole(0))
_LINES = Param(
    "limit", f"How many lines at the most: 1 to {LOG_LINES_MAX}.", default="1000", schema=whole(1, LOG_LINES_MAX)
)
_KEY_MAX = 200
JobBody = Annotated[AnyJob, Body(discriminator="kind", description="A job: its kind, and what that kind needs.")]
KeyHeader = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=_KEY_MAX)]
LastEventHeader = Annotated[str | None, Header(alias="Last-Event-ID")]


def _place(site: SiteDep) -> Iterator[None]:
    with site.streams.opened():
        yield


def _look(job_id: RowId, request: Request, *, site: SiteDep) -> Callable[[int], Sight]:
    """What a stream looks at; an unknown job or a bad parameter is told before the stream begins."""
    as_index("after", read_params(request, _AFTER)["after"])
    return watch_job(site, job_id)


Change = Depends(may_change)
Place = Depends(_place)
Look = Annotated[Callable[[int], Sight], Depends(_look)]


@router.get(
    "",
    operation_id="list_jobs",
    openapi_extra=document(*PARAMS),
    responses={200: {"model": Envelope[tuple[JobBrief, ...]]}},
)
def jobs(request: Request, site: SiteDep) -> Response:
    """Jobs, newest first."""
    asked = ask_jobs(read_params(request, *PARAMS))
    page = make_job_page(site, asked)
    return data_answer(wrap(request, page.jobs, html=urls.jobs(asked.query), paging=page.paging))


@router.post(
    "",
    operation_id="start_job",
    status_code=201,
    dependencies=[needs(Scope.JOBS), Change],
    responses={
        201: {"model": Envelope[JobView]},
        200: {"model": Envelope[JobView], "description": "The key was used for this very request."},
    },
)
def start(request: Request, site: SiteDep, *, job: JobBody, key: KeyHeader = None) -> Response:
    """Write a job down for a worker. The same ``Idempotency-Key`` with the same job gives that job again."""
    read_params(request)
    if key is not None and not key.strip():
        raise InvalidInput("The header Idempotency-Key is empty; leave it out, or send a key of your own making.")
    with site.catalog.session() as session:
        again = key is not None and find_keyed_job(session, key) is not None
        row = submit_job(session, job, idempotency_key=key, created_by=who_asks().author("API"))
    view = make_job(site, row.id, base=str(request.base_url))
    response = json_answer(wrap(request, view, html=urls.job(row.id)), status=200 if again else 201)
    response.headers["Location"] = urls.api_jobs(row.id)
    response.headers["Cache-Control"] = NEVER
    return response


@router.post(
    "/estimate",
    operation_id="estimate_job",
    dependencies=[needs(Scope.JOBS)],
    responses={200: {"model": Envelope[EstimateView]}},
)
def estimate(request: Request, site: SiteDep, *, job: JobBody) -> Response:
    """What a job would take, without starting it."""
    read_params(request)
    return data_answer(wrap(request, make_estimate(site, job), html=urls.new_job("spec")))


@router.get("/events", operation_id="watch_jobs", response_class=EventSourceResponse, dependencies=[Place])
async def events(site: SiteDep) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: ``job`` for each job that waits, runs, or has just changed."""
    async for event in stream(site.streams, watch_jobs(site)):
        yield event


@router.get("/{job_id:int}", operation_id="get_job", responses={200: {"model": Envelope[JobView]}})
def job(job_id: RowId, request: Request, *, site: SiteDep) -> Response:
    """One job with its steps, what it made, and why it failed."""
    read_params(request)
    view = make_job(site, job_id, base=str(request.base_url))
    etag = check_fresh(request, site.code, digest_of(view.model_dump(mode="json")))
    return data_answer(wrap(request, view, html=urls.job(job_id)), etag=etag, cache="no-cache")


@router.get(
    "/{job_id:int}/log",
    operation_id="get_job_log",
    openapi_extra=document(_AFTER, _LINES),
    responses={200: {"model": Envelope[tuple[LogLine, ...]]}},
)
def log(job_id: RowId, request: Request, *, site: SiteDep) -> Response:
    """Lines of a job's log, oldest first."""
    values = read_params(request, _AFTER, _LINES)
    limit = parse_limit(values["limit"], most=LOG_LINES_MAX)
    lines = make_log(site, job_id, after_id=as_index("after", values["after"]) or 0, limit=limit)
    return data_answer(wrap(request, lines, html=urls.job(job_id)))


@router.get("/{job_id:int}/events", operation_id="watch_job", response_class=EventSourceResponse, dependencies=[Place])
async def job_events(
    request: Request, site: SiteDep, *, look: Look, last: LastEventHeader = None
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: ``job`` when it or a member changes, ``log`` for each line, ``end`` when it has ended."""
    after = as_index("after", request.query_params.get("after", "")) or 0
    seen = int(last) if last and is_whole(last) else after
    async for event in stream(site.streams, look, after_line=seen):
        yield event


@router.post("/{job_id:int}/cancel", operation_id="cancel_job", dependencies=[needs(Scope.JOBS), Change])
def cancel(job_id: RowId, request: Request, *, site: SiteDep) -> Response:
    """Stop a job; what it has done stays, and a retry goes on from there."""
    read_params(request)
    with site.catalog.session() as session:
        cancel_job(session, job_id)
    return _changed(request, site, job_id)


@router.post("/{job_id:int}/retry", operation_id="retry_job", dependencies=[needs(Scope.JOBS), Change])
def retry(job_id: RowId, request: Request, *, site: SiteDep) -> Response:
    """Queue a failed or cancelled job again; it goes on from its last checkpoint."""
    read_params(request)
    with site.catalog.session() as session:
        retry_job(session, job_id)
    return _changed(request, site, job_id)


def _changed(request: Request, site: Site, job_id: int) -> Response:
    return data_answer(wrap(request, make_job(site, job_id, base=str(request.base_url)), html=urls.job(job_id)))
