"""The list of jobs: filters, pages, what runs within pipelines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app import urls
from app.makers.jobs import make_job_brief, make_workers, nobody_takes
from app.params import CURSOR, LIMIT, Param, is_whole
from app.site import Site
from app.views.base import Choice, Paging
from app.views.jobs import JobBrief, JobsView
from store.atlas.cursor import parse_limit
from store.atlas.grammar import BadQuery, Fault
from store.catalog.jobs import JobFilter, count_jobs, count_until, list_jobs, list_members
from store.catalog.session import Session
from store.catalog.tables import Job
from store.catalog.workers import list_workers
from store.jobs import QUEUE_OF
from store.vocabulary import JobKind, JobState

STATE: Final = Param("state", "Only jobs in this state.", tuple(state.value for state in JobState))
KIND: Final = Param("kind", "Only jobs of this kind.", tuple(kind.value for kind in JobKind))
MEMBERS: Final = Param("members", "Whether the jobs of pipelines are listed, too.", ("no", "yes"), default="no")
PARAMS: Final = (STATE, KIND, MEMBERS, CURSOR, LIMIT)


@dataclass(frozen=True)
class Asked:
    """Which jobs, and from where on: before or after a known one, or the newest."""

    which: JobFilter
    limit: int
    before_id: int | None
    after_id: int | None
    query: Mapping[str, str]


@dataclass(frozen=True)
class JobPage:
    """Some jobs and where they stand among all that were asked for."""

    jobs: tuple[JobBrief, ...]
    paging: Paging


def ask_jobs(values: Mapping[str, str]) -> Asked:
    """What declared parameters mean; raises ``BadQuery``."""
    limit = parse_limit(values["limit"])
    which = JobFilter(
        states=[JobState(values["state"])] if values["state"] else [],
        kinds=[JobKind(values["kind"])] if values["kind"] else [],
        top_only=values["members"] == "no",
    )
    before_id, after_id = _read_cursor(values["cursor"])
    kept = {param.name: values[param.name] for param in PARAMS if values[param.name] != param.default}
    return Asked(which, limit, before_id, after_id, {k: v for k, v in kept.items() if k != "cursor"})


def _read_cursor(text: str) -> tuple[int | None, int | None]:
    if not text:
        return None, None
    way, number = text[0], text[1:]
    if way not in "ba" or not is_whole(number):
        raise BadQuery(
            Fault("cursor", f"'{text}' is no cursor of this list; take one from `page.next` or `page.prev`.")
        )
    return (int(number), None) if way == "b" else (None, int(number))


def make_job_page(site: Site, asked: Asked) -> JobPage:
    """A page of jobs, newest first."""
    with site.catalog.session() as session:
        which = asked.which
        rows = list_jobs(session, which, before_id=asked.before_id, after_id=asked.after_id, limit=asked.limit)
        total = sum(n for state, n in count_jobs(session, which).items())
        first = count_until(session, which, job_id=rows[0].id) if rows else 0
        jobs = tuple(make_job_brief(row, current=_current(session, row)) for row in rows)
    last = first + len(rows) - 1 if rows else 0
    return JobPage(jobs, _paging(asked, rows, first=first, last=last, total=total))


def _current(session: Session, row: Job) -> list[Job]:
    if row.kind != JobKind.PIPELINE or row.state != JobState.RUNNING:
        return []
    return [member for member in list_members(session, row.id) if member.state == JobState.RUNNING]


def _paging(asked: Asked, rows: list[Job], *, first: int, last: int, total: int) -> Paging:
    following = f"b{rows[-1].id}" if rows and last < total else None
    before = f"a{rows[0].id}" if rows and first > 1 else None
    return Paging(
        limit=asked.limit,
        total=total,
        first=first,
        last=last,
        next=following,
        prev=before,
        next_url=urls.jobs({**asked.query, "cursor": following}) if following else None,
        prev_url=urls.jobs({**asked.query, "cursor": before}) if before else None,
    )


def make_jobs(site: Site, asked: Asked) -> JobsView:
    """The page of all jobs."""
    page = make_job_page(site, asked)
    with site.catalog.session() as session:
        by_state = count_jobs(session, JobFilter(kinds=asked.which.kinds, top_only=asked.which.top_only))
        notice = _notice(session)
    return JobsView(
        jobs=page.jobs,
        states=_choices(asked, STATE, {state.value: n for state, n in by_state.items()}),
        kinds=_choices(asked, KIND, {}),
        members=_members(asked),
        workers=make_workers(site),
        notice=notice,
        paging=page.paging,
        new_url=urls.new_job(),
        refresh_url=urls.jobs(asked.query),
        fragment_url=urls.jobs_fragment(asked.query),
        events_url=urls.api_jobs("events"),
        n_unfinished=by_state[JobState.QUEUED] + by_state[JobState.RUNNING],
    )


def _choices(asked: Asked, param: Param, counts: Mapping[str, int]) -> tuple[Choice, ...]:
    rest = {name: value for name, value in asked.query.items() if name != param.name}
    chosen = asked.query.get(param.name, "")
    every = Choice(key="", label="all", url=urls.jobs(rest), current=not chosen, n=sum(counts.values()) or None)
    return every, *(
        Choice(
            key=value,
            label=value,
            url=urls.jobs({**rest, param.name: value}),
            current=value == chosen,
            n=counts.get(value) if counts else None,
        )
        for value in param.choices
    )


def _members(asked: Asked) -> Choice:
    shown = "members" in asked.query
    rest = {name: value for name, value in asked.query.items() if name != "members"}
    url = urls.jobs(rest if shown else {**rest, "members": "yes"})
    return Choice(key="members", label="jobs of pipelines", url=url, current=shown)


def _notice(session: Session) -> str:
    """What a person should do so that waiting jobs start."""
    workers = list_workers(session)
    waiting = list_jobs(session, JobFilter(states=[JobState.QUEUED]), limit=200)
    queues = dict.fromkeys(QUEUE_OF[JobKind(row.kind)] for row in waiting)
    return " ".join(filter(None, (nobody_takes(workers, queue) for queue in queues)))
