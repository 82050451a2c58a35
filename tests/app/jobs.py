"""A catalog with jobs in every state, made by the very functions that people and workers use."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from store.catalog.jobs import cancel_job, count_jobs, get_job, submit_job
from store.catalog.runs import Progress, Run, add_log, begin_step, end_step, finish_run, save_progress, start_run
from store.catalog.session import Catalog
from store.catalog.workers import WorkerFacts, register_worker
from store.jobs import AnyJob, ExtractJob, IndexJob, Member, PipelineJob
from store.settings import Settings
from store.specs import ExtractionSpec
from store.vocabulary import Access, JobState

OWNER = "life-1"
READ = ExtractionSpec(model="efficientnet-lite0", layer="blocks.6")


@dataclass(frozen=True)
class Numbers:
    """The jobs by what became of them."""

    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    pipeline: int
    member: int


def submit(catalog: Catalog, job: AnyJob) -> int:
    """Write a job down."""
    with catalog.session() as session:
        return submit_job(session, job, created_by="a test").id


def run(catalog: Catalog, job: int) -> Run:
    """Let a worker start it."""
    with catalog.session() as session:
        run = Run(job, 1, owner=OWNER, worker="w")
        assert start_run(session, run)
        return run


def progress(catalog: Catalog, run: Run, done: int, total: int) -> None:
    """Let its worker tell how far it is, and a line of log."""
    with catalog.session() as session:
        save_progress(session, run, Progress(done, total, "images", rate=2.0, eta_s=9.5), peak_bytes=10**9)
        add_log(session, run, [(datetime.now(UTC), "info", f"{done} of {total} <images>")], keep=100)


def finish(catalog: Catalog, run: Run, state: JobState, *, failure: str = "") -> None:
    """Let it end."""
    with catalog.session() as session:
        outcome = {"failure": {"message": failure, "type": "Damaged", "traceback": "Traceback: <here>"}}
        made = {"result": {"made": [{"kind": "atlas", "digest": "d" * 64, "reused": False, "slug": "tiny-topk"}]}}
        finish_run(session, run, state, **(outcome if failure else made))


def register(catalog: Catalog, *, queues: str = "cpu,gpu,pipelines", name: str = "w", life: str = OWNER) -> None:
    """A worker begins its life."""
    with catalog.session() as session:
        register_worker(session, WorkerFacts(name, life, "host", 7, "cpu", queues))


def fill(settings: Settings) -> Numbers:
    """Jobs in every state in a store's catalog."""
    catalog = Catalog(settings.catalog_url)
    register(catalog)
    succeeded, failed, cancelled = (submit(catalog, IndexJob(dictionary=name)) for name in ("done", "bad", "stopped"))
    one = run(catalog, succeeded)
    with catalog.session() as session:
        begin_step(session, one, "atlas")
        end_step(session, one, "atlas")
    finish(catalog, one, JobState.SUCCEEDED)
    finish(catalog, run(catalog, failed), JobState.FAILED, failure="The file 'x' is damaged. Run it with --rebuild.")
    with catalog.session() as session:
        cancel_job(session, cancelled)
    pipeline = submit(catalog, PipelineJob(title="Both", members=(Member(job=IndexJob(dictionary="inner")),)))
    run(catalog, pipeline)
    with catalog.session() as session:
        parent = get_job(session, pipeline)
        member = submit_job(session, IndexJob(dictionary="inner"), parent=parent, place=0).id
    run(catalog, member)
    running = submit(catalog, ExtractJob(collection="shapes", extraction=READ))
    progress(catalog, run(catalog, running), 30, 120)
    queued = submit(catalog, ExtractJob(collection="shapes", extraction=READ, rebuild=True))
    catalog.close()
    return Numbers(queued, running, succeeded, failed, cancelled, pipeline, member)


def empty_store(folder: Path, *, start_jobs: bool | None = None, host: str = "127.0.0.1") -> Settings:
    """Settings of a store without anything."""
    return Settings(store=folder, start_jobs=start_jobs, host=host, access=Access.LOCAL)


def states(catalog: Catalog) -> dict[JobState, int]:
    """How many jobs are in each state."""
    with catalog.session() as session:
        return count_jobs(session)
