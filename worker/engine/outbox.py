"""Hands jobs that people wrote down to the engine's queues, and gives up those that the engine has given up."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from dbos import DBOS, SetWorkflowID

from store.catalog.runs import abandon_job, list_handed, list_waiting, note_handed
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.errors import Unavailable
from store.jobs import QUEUE_OF
from store.vocabulary import JobKind

LOOK_EVERY_S: Final = 0.15
SETTLE_EVERY_S: Final = 30.0
_ENDED_BADLY: Final = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
log = logging.getLogger(__name__)


def workflow_id(job_id: int, attempt: int) -> str:
    """The engine's name of an attempt."""
    return f"job-{job_id}-{attempt}"


class Outbox(threading.Thread):
    """Looks for waiting jobs several times a second. Several workers may do so: an attempt is queued once."""

    def __init__(self, catalog: Catalog, run_job: Callable[[int, int], str], *, leaving: threading.Event) -> None:
        super().__init__(name="outbox", daemon=True)
        self._catalog, self._run_job, self._leaving = catalog, run_job, leaving
        self._settled_at = float("-inf")

    def run(self) -> None:
        """Until the worker leaves."""
        while not self._leaving.wait(LOOK_EVERY_S):
            try:
                self.hand_over()
                if time.monotonic() - self._settled_at > SETTLE_EVERY_S:
                    self.settle()
                    self._settled_at = time.monotonic()
            except Unavailable as fault:
                log.warning("jobs cannot be looked for: %s", fault)
            except Exception:
                log.exception("jobs cannot be handed over")

    def hand_over(self) -> int:
        """Queue what waits, in the order of asking; returns how many."""
        with self._catalog.session() as session:
            waiting = list_waiting(session)
        for job in waiting:
            self._enqueue(job)
        if waiting:
            with self._catalog.session() as session:
                note_handed(session, [(job.id, job.attempt) for job in waiting])
        return len(waiting)

    def settle(self) -> None:
        """Jobs that the engine should know and has lost are queued again; those that it has given up fail."""
        with self._catalog.session() as session:
            handed = list_handed(session)
        for job in handed:
            status = DBOS.get_workflow_status(workflow_id(job.id, job.attempt))
            if status is None:  # its tables were lost, or restored from an older copy
                log.warning("job %d is unknown to the engine and is queued again", job.id)
                self._enqueue(job)
            elif status.status in _ENDED_BADLY:
                self._give_up(job, status.status)

    def _enqueue(self, job: Job) -> None:
        with SetWorkflowID(workflow_id(job.id, job.attempt)):
            DBOS.enqueue_workflow(QUEUE_OF[JobKind(job.kind)].value, self._run_job, job.id, job.attempt)

    def _give_up(self, job: Job, how: str) -> None:
        told = f"The engine has given the job up ({how.lower().replace('_', ' ')}): a worker ended again and again "
        told += "while it ran. Look at the worker's log and its memory, then try the job again."
        with self._catalog.session() as session:
            abandon_job(session, job.id, attempt=job.attempt, failure={"message": told, "type": how, "traceback": ""})
