"""Commands for durable jobs: worker, and jobs list, show, cancel, retry, logs, wait."""

import logging
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from store.catalog.jobs import (
    JobFilter,
    cancel_job,
    get_job,
    list_jobs,
    list_log,
    list_steps,
    retry_job,
    submit_job,
    tail_log,
)
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.errors import NotFound
from store.jobs import AnyJob
from store.vocabulary import JobKind, JobState, Queue
from worker.cli.looking import print_table
from worker.cli.options import DeviceOption, JsonOption, StoreOption, print_json, settings_of

_FOLLOW_EVERY_S = 0.5

jobs = typer.Typer(
    name="jobs", help="Look at durable jobs, stop them, try them again.", no_args_is_help=True, rich_markup_mode=None
)
JobArgument = Annotated[int, typer.Argument(help="Number of the job.")]


def worker(
    queue: Annotated[
        list[Queue] | None, typer.Option(help="What to take: cpu, gpu or pipelines, repeatable [default: all].")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name, the same after a restart [default: the host's].")] = None,
    device: DeviceOption = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether such a worker lives on this host.")] = False,
    store: StoreOption = None,
) -> None:
    """Carry out jobs until ended; a job that is cut off goes on when a worker runs again."""
    if check:
        from worker.engine.alive import check_alive

        one = check_alive(settings_of(store, worker_name=name))
        print(f"The worker '{one.name}' lives and takes jobs ({one.queues}).")
        return
    from worker.engine.service import serve

    logging.getLogger("worker.engine").setLevel(logging.INFO)
    serve(settings_of(store, worker_name=name), device=device, queues=queue or tuple(Queue))


@jobs.command("list")
def list_(
    state: Annotated[list[JobState] | None, typer.Option(help="Only jobs in this state, repeatable.")] = None,
    kind: Annotated[list[JobKind] | None, typer.Option(help="Only jobs of this kind, repeatable.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at the most.")] = 30,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    with _opened(store).session() as session:
        rows = list_jobs(session, JobFilter(states=state or (), kinds=kind or ()), limit=limit)
    if as_json:
        print_json([_facts(row) for row in rows])
    else:
        print_table([_brief(row) for row in rows], title="jobs")


@jobs.command()
def show(job: JobArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show a job: how it stands, its steps, what it made, and why it failed."""
    with _opened(store).session() as session:
        row, steps = get_job(session, job), list_steps(session, job)
    facts = _facts(row) | {
        "steps": [
            {"attempt": s.attempt, "name": s.name, "started_at": s.started_at, "finished_at": s.finished_at}
            for s in steps
        ]
    }
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if name == "failure" and value:
            print(f"failure: {value['message']}\n  (traceback: conceptoscope jobs show {job} --json)")
        elif value not in (None, [], ""):
            print(f"{name}: {value}")


@jobs.command()
def cancel(job: JobArgument, store: StoreOption = None) -> None:
    """Stop a job; what it has done stays, and a retry goes on from there."""
    with _opened(store).session() as session:
        row = cancel_job(session, job)
    print(f"job {row.id}: {'cancelled' if JobState(row.state).is_final else 'asked to stop'}")


@jobs.command()
def retry(job: JobArgument, store: StoreOption = None) -> None:
    """Queue a failed or cancelled job again."""
    with _opened(store).session() as session:
        row = retry_job(session, job)
    print(f"job {row.id}: queued, attempt {row.attempt}")


@jobs.command()
def logs(
    job: JobArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    lines: Annotated[int, typer.Option(min=1, max=5000, help="How many of the last lines.")] = 200,
    store: StoreOption = None,
) -> None:
    """Print a job's log."""
    catalog = _opened(store)
    with catalog.session() as session:
        get_job(session, job)
        found = tail_log(session, job, n_lines=lines)
    last = 0
    while True:
        for line in found:
            print(f"{line.at:%Y-%m-%d %H:%M:%S} {line.level:<7} {line.text}")
            last = line.id
        with catalog.session() as session:
            ended = JobState(get_job(session, job).state).is_final
            found = list_log(session, job, after_id=last)
        if not follow or (ended and not found):
            return
        time.sleep(0 if found else _FOLLOW_EVERY_S)


def _opened(store: Path | None) -> Catalog:
    settings = settings_of(store)
    if settings.database_url is None and not settings.store.is_dir():
        raise NotFound("store", str(settings.store), remedy="Give another --store.")
    return Catalog(settings.catalog_url)


def _brief(row: Job) -> dict[str, Any]:
    share = f"{row.done / row.total:.0%}" if row.total > 1 else ""
    return {
        "job": row.id,
        "state": "stopping" if row.state == JobState.RUNNING and row.cancel_requested_at else row.state,
        "kind": row.kind,
        "title": row.title,
        "progress": share if row.state == JobState.RUNNING else "",
        "worker": row.worker or "",
        "created": f"{row.created_at:%Y-%m-%d %H:%M:%S}",
    }


def _facts(row: Job) -> dict[str, Any]:
    names = ("id", "kind", "title", "state", "attempt", "parent_id", "worker", "done", "total", "note", "rate")
    more = ("eta_s", "peak_bytes", "created_at", "started_at", "finished_at", "cancel_requested_at", "failure")
    made = (row.result or {}).get("made", [])
    return {name: getattr(row, name) for name in (*names, *more)} | {"made": made, "spec": row.spec}


def hand_over(store: Path | None, job: AnyJob, *, as_json: bool) -> None:
    """Write a job down and say so."""
    catalog = Catalog(settings_of(store).catalog_url)
    with catalog.session() as session:
        row = submit_job(session, job, created_by="command line")
    catalog.close()
    if as_json:
        print_json(_facts(row))
    else:
        print(f"job {row.id}: queued ({row.title}); conceptoscope jobs logs {row.id} --follow shows how it goes")
