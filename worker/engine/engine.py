"""The engine: DBOS over the store's database, with our queues, our names and our way to recover."""

import logging
import os
import threading
import time
import uuid
from collections.abc import Sequence
from socket import gethostname
from typing import Final

from dbos import DBOS, DBOSConfig

from store.artifacts import check_writable
from store.catalog.engine import parse_url, use_write_ahead_log
from store.catalog.session import Catalog
from store.catalog.workers import WorkerFacts, register_worker, stop_worker
from store.errors import Unavailable
from store.settings import Settings
from store.vocabulary import Queue
from worker.engine.helping import Helper
from worker.engine.naming import WorkerName, take_name
from worker.engine.outbox import Outbox
from worker.engine.pulse import Pulse
from worker.engine.running import Runner

PROTOCOL: Final = "1"
"""Version of what the engine keeps about jobs. DBOS recovers only what the same version began, so it is fixed."""

POLL_EVERY_S: Final = 0.15
_MOST_ATTEMPTS: Final = 10_000  # a job whose workers are killed again and again is still taken up
_PIPELINES_AT_ONCE: Final = 64
_ALL_QUEUES: Final = (Queue.CPU, Queue.GPU, Queue.PIPELINES)

log = logging.getLogger(__name__)
_runner: Runner | None = None


@DBOS.workflow(name="run_job", max_recovery_attempts=_MOST_ATTEMPTS)
def run_job(job_id: int, attempt: int) -> str:
    """The one workflow: an attempt of a job."""
    assert _runner is not None
    return _runner.run(job_id, attempt)


class Engine:
    """A living worker in this process: takes jobs, beats, takes over. One at a time."""

    def __init__(self, settings: Settings, *, device: str | None = None, queues: Sequence[Queue] = _ALL_QUEUES) -> None:
        check_writable(settings.store)
        self.settings, self.queues = settings, tuple(dict.fromkeys((*queues, Queue.PIPELINES)))
        self.catalog = Catalog(settings.catalog_url)
        self._name: WorkerName = take_name(settings)
        self._leaving = threading.Event()
        self.runner = Runner(settings, self.catalog, name=self.name, device=device, leaving=self._leaving)
        self._pulse = Pulse(
            self.catalog,
            self._new_life(),
            lost_after_s=settings.lost_after_s,
            leaving=self._leaving,
            on_lost=self._begin_anew,
            take_over=self._take_over,
        )
        self._outbox = Outbox(self.catalog, run_job, leaving=self._leaving)

    @property
    def name(self) -> str:
        """The worker's name, which is DBOS's executor id."""
        return self._name.name

    def start(self) -> None:
        """Begin to take jobs; those that an earlier process of this name has left are taken up at once."""
        global _runner  # noqa: PLW0603 DBOS calls a plain function by its name
        if _runner is not None:
            raise Unavailable("This process already runs a worker: one is enough.")
        _runner = self.runner
        with self.catalog.session() as session:
            register_worker(session, self._pulse.facts)
        use_write_ahead_log(self.settings.engine_url)
        DBOS(config=self._config())
        DBOS.listen_queues([queue.value for queue in self.queues])
        DBOS.launch()
        for queue in _ALL_QUEUES:
            at_once = _PIPELINES_AT_ONCE if queue is Queue.PIPELINES else 1
            DBOS.register_queue(queue.value, worker_concurrency=at_once, polling_interval_sec=POLL_EVERY_S)
        self._outbox.start()
        self._pulse.start()
        if Queue.GPU in self.queues:
            Helper(self.settings, self.catalog, self.runner).start()

    def stop(self, *, wait_s: float = 20.0) -> None:
        """Leave: what runs ends at its next sign of progress without an outcome, and goes on elsewhere or later."""
        global _runner  # noqa: PLW0603 the same
        self._leaving.set()
        deadline = time.monotonic() + wait_s
        while self.runner.n_running and time.monotonic() < deadline:
            time.sleep(0.05)
        DBOS.destroy(workflow_completion_timeout_sec=0)
        _runner = None
        try:
            with self.catalog.session() as session:
                stop_worker(session, self._pulse.facts)
        except Unavailable as fault:
            log.warning("the worker leaves without saying so: %s", fault)
        self.catalog.close()
        self._name.release()

    def _new_life(self) -> WorkerFacts:
        self.runner.session = uuid.uuid4().hex
        return WorkerFacts(
            name=self.name,
            session=self.runner.session,
            host=gethostname(),
            pid=os.getpid(),
            device=self.runner.device or "auto",
            queues=",".join(queue.value for queue in self.queues),
        )

    def _begin_anew(self) -> WorkerFacts:
        self.runner.lose_all()
        return self._new_life()

    def _take_over(self, names: Sequence[str]) -> None:
        """Put what these workers have left back into its queues; whoever is free takes it."""
        DBOS._recover_pending_workflows(list(names))

    def _config(self) -> DBOSConfig:
        return {
            "name": "conceptoscope",
            "system_database_url": parse_url(self.settings.engine_url).render_as_string(hide_password=False),
            "application_version": PROTOCOL,
            "executor_id": self.name,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 1.0,
        }
