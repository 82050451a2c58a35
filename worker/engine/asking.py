"""Asking for a job and waiting for it, with a worker in this process: how commands use the engine."""

from store.catalog.jobs import find_unfinished, submit_job
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.jobs import AnyJob
from store.settings import Settings
from worker.engine.engine import Engine
from worker.engine.following import follow


def ask(settings: Settings, job: AnyJob) -> Job:
    """Write a job down, or find an equal one that waits or runs."""
    catalog = Catalog(settings.catalog_url)
    try:
        with catalog.session() as session:
            return find_unfinished(session, job) or submit_job(session, job, created_by="command line")
    finally:
        catalog.close()


def do_here(settings: Settings, job: AnyJob, *, device: str | None = None) -> Job:
    """Ask for a job and work on it here until it has succeeded; an interrupted one goes on the next time.

    Raises ``JobEndedBadly``.
    """
    row = ask(settings, job)
    engine = Engine(settings, device=device)
    engine.start()
    try:
        return follow(engine.catalog, row.id)
    finally:
        engine.stop()
