"""The work: who lives, who was lost, what waits for nobody, what stands still."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from store.catalog.jobs import JobFilter, list_jobs
from store.catalog.looking import looking
from store.catalog.tables import Job, Worker
from store.catalog.workers import list_workers
from store.jobs import QUEUE_OF
from store.settings import Settings
from store.vocabulary import JobKind, JobState, Queue, WorkerState
from worker.doctor.finding import Finding, in_words

STILL_S: Final = 600.0
"""A job that runs and does nothing for so long stands still."""
IDLE_S: Final = 60.0
"""A worker that takes a queue and leaves its jobs for so long does not work."""
REMEMBERED_S: Final = 86_400.0
"""A loss so long ago is history."""
_MOST: Final = 10_000


@dataclass(frozen=True)
class Work:
    """All workers and unfinished jobs at one moment."""

    now: datetime
    lost_after_s: float
    workers: list[Worker]
    jobs: list[Job]

    def since(self, moment: datetime | None) -> float:
        """Seconds that have passed."""
        return (self.now - moment).total_seconds() if moment else 0.0

    def lives(self, one: Worker) -> bool:
        """Whether a worker has shown a sign of life lately."""
        return one.state == WorkerState.ALIVE and self.since(one.seen_at) < self.lost_after_s

    def takers(self, queue: Queue) -> list[Worker]:
        """Living workers that take the jobs of a queue."""
        return [one for one in self.workers if self.lives(one) and queue.value in one.queues.split(",")]

    def running_on(self, one: Worker) -> list[Job]:
        """The jobs of a worker's present life."""
        return [job for job in self.jobs if job.state == JobState.RUNNING and job.owner == one.session]

    def is_run(self, job: Job) -> bool:
        """Whether a living worker runs the job."""
        return any(job in self.running_on(one) for one in self.workers if self.lives(one))


def look_at_work(settings: Settings, *, now: datetime | None = None) -> list[Finding]:
    """What there is to say of workers, queues and jobs."""
    with looking(settings.catalog_url) as session:
        jobs = list_jobs(session, JobFilter(states=[JobState.QUEUED, JobState.RUNNING]), limit=_MOST)
        work = Work(now or datetime.now(UTC), settings.lost_after_s, list_workers(session), jobs)
    return [*_workers(work), *(_queue(work, queue) for queue in Queue if _asked(work, queue)), *_still(work)]


def _workers(work: Work) -> Iterator[Finding]:
    if not any(work.lives(one) for one in work.workers):
        found = "none lives, and jobs wait" if work.jobs else "none lives, and no job waits"
        remedy = "Start one: `conceptoscope worker`, or `conceptoscope up`." if work.jobs else ""
        yield Finding("workers", "bad" if work.jobs else "good", found, remedy)
    for one in work.workers:
        silent_s = work.since(one.seen_at)
        if work.lives(one):
            numbers = ", ".join(str(job.id) for job in work.running_on(one)) or "none"
            found = f"lives on {one.host} ({one.device}), takes {one.queues}; runs job {numbers}"
            yield Finding(f"worker {one.name}", "good", found)
        elif one.state != WorkerState.STOPPED and silent_s < REMEMBERED_S:
            yield _lost(work, one, silent_s)


def _lost(work: Work, one: Worker, silent_s: float) -> Finding:
    left = len(work.running_on(one))
    found = f"lost: no sign of life for {in_words(silent_s)}, was on {one.host}"
    found += f", has left {left} {_jobs(left)}" if left else ""
    remedy = f"Look at its log on {one.host}, then start it again; any other worker takes over what it has left."
    return Finding(f"worker {one.name}", "warn", found, remedy)


def _asked(work: Work, queue: Queue) -> list[Job]:
    """Jobs of a queue that nobody runs, the one that has waited longest first."""
    jobs = [job for job in work.jobs if QUEUE_OF[JobKind(job.kind)] == queue and not work.is_run(job)]
    return sorted(jobs, key=lambda job: job.queued_at)


def _queue(work: Work, queue: Queue) -> Finding:
    waiting, takers = _asked(work, queue), work.takers(queue)
    waits_s, what = work.since(waiting[0].queued_at), f"queue {queue.value}"
    found = f"{len(waiting)} {_jobs(len(waiting))} waiting, the first ({waiting[0].id}) for {in_words(waits_s)}"
    if not takers:
        remedy = f"Start one: `conceptoscope worker --queue {queue.value}`, or `conceptoscope up`."
        return Finding(what, "bad", f"{found}, and no worker takes them", remedy)
    names = ", ".join(one.name for one in takers)
    busy = any(QUEUE_OF[JobKind(job.kind)] == queue for one in takers for job in work.running_on(one))
    if not busy and waits_s > IDLE_S:
        remedy = "Look at the log of these workers and start them again; no job is lost."
        return Finding(what, "bad", f"{found}, though nothing of it runs on {names}", remedy)
    return Finding(what, "good", f"{found}; taken by {names}")


def _still(work: Work) -> Iterator[Finding]:
    for job in work.jobs:
        still_s = work.since(job.progress_at)
        if work.is_run(job) and job.kind != JobKind.PIPELINE and still_s > STILL_S:
            found = f"{job.title} stands still for {in_words(still_s)} at '{job.note}' on {job.worker}"
            remedy = (
                f"Look at `conceptoscope jobs logs {job.id}`; `jobs cancel {job.id}`, then `jobs retry {job.id}` "
                "goes on from what is done. One that does not stop needs its worker killed and started again."
            )
            yield Finding(f"job {job.id}", "warn", found, remedy)


def _jobs(n: int) -> str:
    return "job" if n == 1 else "jobs"
