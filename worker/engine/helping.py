"""Idle workers help with extractions that others run: they make shards until they get a job of their own."""

import logging
import threading
from typing import Final

from store.artifacts import open_artifacts
from store.catalog.parts import find_open_job, release_parts
from store.catalog.session import Catalog
from store.errors import ConceptoscopeError, Unavailable
from store.jobs import ExtractJob, TrainJob, load_job
from store.settings import Settings
from worker.engine.parts import JobParts
from worker.engine.running import Runner
from worker.reporting import Reporter
from worker.workshop import Workshop

LOOK_EVERY_S: Final = 0.5
log = logging.getLogger(__name__)


class _WhileIdle(JobParts):
    """The same for a helper, who stops taking when it has something else to do."""

    def __init__(self, catalog: Catalog, job_id: int, *, runner: Runner) -> None:
        super().__init__(catalog, job_id, worker_session=runner.session)
        self._runner = runner

    def take(self) -> int | None:
        """One that is free, while the worker has no job of its own."""
        if self._runner.leaving.is_set() or self._runner.is_busy:
            return None
        return super().take()


class Helper(threading.Thread):
    """Looks for extractions to help with whenever the worker has no job."""

    def __init__(self, settings: Settings, catalog: Catalog, runner: Runner) -> None:
        super().__init__(name="helper", daemon=True)
        self._settings, self._catalog, self._runner = settings, catalog, runner

    def run(self) -> None:
        """Until the worker leaves."""
        _get_ready()
        while not self._runner.leaving.wait(LOOK_EVERY_S):
            if self._runner.is_busy:
                continue
            try:
                self.help_once()
            except Unavailable as fault:
                log.warning("nobody can be helped: %s", fault)
            except ConceptoscopeError as fault:
                log.warning("could not help: %s", fault)
            except Exception:
                log.exception("could not help")

    def help_once(self) -> int:
        """Help with the oldest extraction that has shards to make; returns how many were made here."""
        with self._catalog.session() as session:
            release_parts(session, worker_session=self._runner.session)
            row = find_open_job(session, worker_session=self._runner.session)
        if row is None:
            return 0
        job = load_job(row.spec)
        if not isinstance(job, ExtractJob | TrainJob):
            return 0
        parts = _WhileIdle(self._catalog, row.id, runner=self._runner)
        workshop = Workshop(
            self._settings,
            Reporter(),
            device=self._runner.device,
            artifacts=open_artifacts(self._settings),
            catalog=self._catalog,
        )
        made = workshop.help_extract(job.collection, job.extraction, parts, weights=job.weights)
        log.info("made %d shards of job %d (%s)", made, row.id, row.title)
        return made


def _get_ready() -> None:
    """Import what extraction needs: seconds that would otherwise pass after somebody has asked for something."""
    import worker.extraction
    import worker.models.timm_family
    import worker.sharing  # noqa: F401 for its effect alone
