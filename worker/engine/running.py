"""One run of one job, from its start to an outcome in the catalog."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from dbos import DBOS

from store.artifacts import open_artifacts
from store.catalog.jobs import get_job
from store.catalog.runs import Run, begin_step, end_step, finish_run, hold, start_run
from store.catalog.session import Catalog, CatalogUnavailable
from store.catalog.wanted import WantedNotes
from store.errors import Outlived
from store.jobs import AnyJob, PipelineJob, load_job
from store.settings import Settings
from store.vocabulary import JobState
from worker.engine.failures import describe
from worker.engine.guarding import RunGuard
from worker.engine.kinds import Made, carry_out
from worker.engine.parts import JobParts
from worker.engine.pipeline import run_pipeline
from worker.engine.telling import Cancelled, LeftPending, Teller
from worker.workshop import Workshop

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 5.0
T = TypeVar("T")
log = logging.getLogger(__name__)


class Runner:
    """Runs jobs of one worker; several at once, each in a thread of its own."""

    def __init__(
        self, settings: Settings, catalog: Catalog, *, name: str, device: str | None, leaving: threading.Event
    ) -> None:
        self.settings, self.catalog, self.name, self.device = settings, catalog, name, device
        self.leaving = leaving
        self.session = ""
        self._tellers: set[Teller] = set()
        self._lock = threading.Lock()

    @property
    def n_running(self) -> int:
        """Runs that have not ended."""
        return len(self._tellers)

    @property
    def is_busy(self) -> bool:
        """Whether a run computes something; one that only waits for the members of a pipeline does not."""
        with self._lock:
            return any(teller.computes for teller in self._tellers)

    def lose_all(self) -> None:
        """The worker has been declared lost: whatever runs must end without an outcome."""
        with self._lock:
            for teller in self._tellers:
                teller.lose()

    def run(self, job_id: int, attempt: int) -> str:
        """Run an attempt of a job; returns its final state. Raises ``LeftPending`` when another worker must go on."""
        run = Run(job_id, attempt, owner=self.session, worker=self.name)
        job = self._persist(lambda: self._begin(run))
        if job is None:
            return "skipped"
        teller = Teller(self.catalog, run, leaving=self.leaving, computes=not isinstance(job, PipelineJob))
        with self._lock:
            self._tellers.add(teller)
        try:
            with teller.telling():
                state, outcome = self._outcome(job, teller)
            self._persist(lambda: self._end(teller, state, outcome))
        except Outlived as fault:
            raise LeftPending from fault
        finally:
            with self._lock:
                self._tellers.discard(teller)
        return state.value

    def _begin(self, run: Run) -> AnyJob | None:
        with self.catalog.session() as session:
            if not start_run(session, run):
                return None
            return load_job(get_job(session, run.job_id).spec)

    def _end(self, teller: Teller, state: JobState, outcome: dict[str, Any]) -> None:
        teller.flush()
        with self.catalog.session() as session:
            finish_run(session, teller.run, state, **outcome)

    def _outcome(self, job: AnyJob, teller: Teller) -> tuple[JobState, dict[str, Any]]:
        try:
            teller.check()
            return JobState.SUCCEEDED, {"result": {"made": self._do(job, teller)}}
        except Outlived as fault:
            raise LeftPending from fault
        except Cancelled:
            teller.say("cancelled; what was done stays, and a retry goes on from there")
            return JobState.CANCELLED, {}
        except Exception as fault:
            failure = describe(fault, store=self.settings.store)
            teller.add("error", failure["message"])
            return JobState.FAILED, {"failure": failure}

    def _do(self, job: AnyJob, teller: Teller) -> list[Made]:
        if isinstance(job, PipelineJob):
            while True:
                try:
                    return run_pipeline(job, self.catalog, teller)
                except CatalogUnavailable as fault:
                    self._wait(fault, teller)
        catalog = self.catalog.guarded(lambda session: hold(session, teller.run))
        artifacts = open_artifacts(self.settings, guard=RunGuard(self.catalog, teller), notes=WantedNotes(catalog))
        workshop = Workshop(
            self.settings,
            teller,
            device=self.device,
            rebuild=job.rebuild,
            artifacts=artifacts,
            catalog=catalog,
            parts=JobParts(catalog, teller.run.job_id, worker_session=teller.run.owner),
        )
        return carry_out(job, workshop, lambda name, do: self._step(teller, name, do))

    def _step(self, teller: Teller, name: str, do: Callable[[], T]) -> T:
        """A step of the engine: its value is remembered, so that a job taken up again does not do it again."""

        def whole() -> T:
            while True:
                try:
                    with self.catalog.session() as session:
                        begin_step(session, teller.run, name)
                    value = do()
                    with self.catalog.session() as session:
                        end_step(session, teller.run, name)
                    return value
                except CatalogUnavailable as fault:  # what was built is found again
                    self._wait(fault, teller)
                except Outlived as fault:
                    raise LeftPending from fault

        return DBOS.run_step({"name": name}, whole)

    def _wait(self, fault: CatalogUnavailable, teller: Teller) -> None:
        teller.add("warning", str(fault))
        for _ in range(4):
            time.sleep(_FIRST_WAIT_S)
            teller.check()

    def _persist(self, write: Callable[[], T]) -> T:
        """Write until the catalog answers: an outcome must not be lost."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                return write()
            except CatalogUnavailable as fault:
                log.warning("waiting for the catalog: %s", fault)
                if self.leaving.wait(wait_s):
                    raise LeftPending from fault
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
