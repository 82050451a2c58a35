"""Jobs and workers: rows of a list, one job with all that is known of it, what a form would start."""

from typing import Any

from pydantic import Field

from app.views.base import Choice, Links, Paging, View


class JobLinks(Links):
    """A job's addresses."""

    events: str = Field(description="server-sent events while it is not ended")
    log: str
    cancel: str | None = Field(description="POST stops it; None when it has ended")
    retry: str | None = Field(description="POST tries it again; None unless it failed or was cancelled")


class JobBrief(View):
    """A job as a row."""

    id: int
    kind: str
    title: str
    state: str = Field(description="queued, running, succeeded, failed or cancelled")
    stopping: bool = Field(description="asked to stop, and not stopped yet")
    attempt: int
    parent: int | None = Field(description="the pipeline it belongs to")
    done: int = Field(description="units done of the step at hand")
    total: int = Field(description="units of the step at hand; 0 or 1 when there is nothing to count")
    share: float | None = Field(description="done / total, in [0, 1]")
    note: str
    rate: float | None = Field(description="units per second")
    eta_s: float | None = Field(description="seconds left of the step at hand")
    worker: str | None
    created_by: str | None
    created_at: str = Field(description="RFC 3339, UTC, like all times")
    started_at: str | None
    finished_at: str | None
    ran_s: float | None = Field(description="seconds since it started, or until it ended")
    failure: str | None = Field(description="what went wrong and what to do")
    links: JobLinks
    current: tuple["JobBrief", ...] = Field((), exclude=True, description="running members of a pipeline")

    @property
    def word(self) -> str:
        """The state as people read it."""
        return "stopping" if self.stopping else self.state


class StepView(View):
    """A part of a run."""

    attempt: int
    name: str
    started_at: str
    finished_at: str | None
    seconds: float | None


class MadeView(View):
    """Something that a job made or found made already."""

    kind: str
    slug: str | None
    digest: str
    reused: bool = Field(description="whether it was there before")
    url: str | None = Field(description="its page, if it has one")


class FailureView(View):
    """Why a job failed."""

    message: str
    type: str
    traceback: str


class LogLine(View):
    """A line of a job's log."""

    id: int
    at: str
    attempt: int
    level: str
    worker: str
    text: str


class JobView(JobBrief):
    """A job with all that is known of it."""

    queued_at: str
    waited_s: float | None = Field(description="seconds from the queue to the start")
    peak_bytes: int | None = Field(description="most memory of its worker while it ran")
    digest: str = Field(description="equal for equal requests")
    spec: dict[str, Any]
    steps: tuple[StepView, ...]
    made: tuple[MadeView, ...]
    members: tuple[JobBrief, ...] = Field(description="jobs of a pipeline, by place")
    error: FailureView | None
    command: str | None = Field(description="command line that asks for the same; None where options can't say it")
    waiting_for: str | None = Field(description="why it has not started, where a person can do something about it")
    log: tuple[LogLine, ...] = Field((), exclude=True, description="its last lines")
    curl: str = Field("", exclude=True)
    clone_url: str = Field("", exclude=True)
    spec_text: str = Field("", exclude=True)
    may_change: bool = Field(True, exclude=True)


class WorkerView(View):
    """A worker process."""

    name: str
    state: str = Field(description="alive, silent (no sign of life for a while), stopped or lost")
    host: str
    pid: int
    device: str
    queues: tuple[str, ...]
    started_at: str
    seen_at: str
    jobs: tuple[int, ...] = Field(description="numbers of the jobs it runs")


class JobsView(View):
    """The jobs page."""

    jobs: tuple[JobBrief, ...]
    states: tuple[Choice, ...]
    kinds: tuple[Choice, ...]
    members: Choice
    workers: tuple[WorkerView, ...]
    notice: str
    paging: Paging
    new_url: str
    refresh_url: str
    fragment_url: str
    events_url: str
    n_unfinished: int


class StepEstimateView(View):
    """A part of a job, and how long it will take."""

    name: str
    key: str = Field(description="the part with its model or method, by which earlier ones are alike")
    seconds: float | None
    basis: str = Field(description="earlier, typical or unknown")
    n_earlier: int = Field(description="earlier steps that it was learned from")


class EstimateView(View):
    """What a job will take; None where it cannot be told beforehand."""

    seconds: float | None
    memory_bytes: float | None = Field(description="of the worker, at its largest")
    disk_bytes: float | None = Field(description="of what it keeps")
    steps: tuple[StepEstimateView, ...]


class FieldView(View):
    """A field of a form."""

    name: str
    label: str
    help: str
    kind: str = Field(description="text, number, select, check, lines or code")
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[str, ...] = ()
    required: bool = False
    faults: tuple[str, ...] = ()


class FieldGroup(View):
    """Fields that belong together."""

    label: str
    fields: tuple[FieldView, ...]


class PlanView(View):
    """What a form would start."""

    title: str = ""
    command: str | None = None
    curl: str = ""
    estimate: EstimateView | None = None
    equal: JobBrief | None = Field(None, description="an equal job that waits or runs")
    faults: tuple[str, ...] = Field((), description="what is wrong and belongs to no field")
    ready: bool = False


class JobFormView(View):
    """The page of a form."""

    kind: str
    heading: str
    intro: str
    kinds: tuple[Choice, ...]
    groups: tuple[FieldGroup, ...]
    plan: PlanView
    action: str
    fragment_url: str
    key: str = Field(description="idempotency key: pressing Start twice starts one job")
    may_start: bool
    may_not: str
