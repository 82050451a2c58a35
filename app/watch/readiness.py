"""Can this program serve: it asks catalog, artifacts, the store's folder, static files, for workers and an encoder."""

import asyncio
import logging
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from app.site import Site
from app.views.health import PartView, ReadinessView
from app.watch.bounded import Bounded
from store.artifacts import check_still_writable
from store.catalog.workers import list_workers
from store.encoding.refusals import EncoderUnavailable
from store.errors import ConceptoscopeError, Unavailable
from store.version import VERSION
from store.vocabulary import WorkerState

log = logging.getLogger(__name__)

WORKERS: Final = "workers"
ENCODER: Final = "encoder"
DISPENSABLE: Final = frozenset({WORKERS, ENCODER})
"""What is told, and no failure when it is missing."""
Check = Callable[[Site], PartView]


class Readiness:
    """Looks at all parts at once; each has as long as ``Bounded`` gives it."""

    def __init__(self, site: Site) -> None:
        self._questions = {name: Bounded(partial(check, site), what=name) for name, check in _CHECKS.items()}

    async def view(self) -> ReadinessView:
        """How everything stands now."""
        looked = await asyncio.gather(*(_told(name, question) for name, question in self._questions.items()))
        parts = dict(zip(self._questions, looked, strict=True))
        is_ready = all(part.state != "failed" for name, part in parts.items() if name not in DISPENSABLE)
        return ReadinessView(
            status="ready" if is_ready else "not ready",
            version=VERSION,
            n_dictionaries=parts["catalog"].n,
            parts=parts,
        )


async def _told(name: str, question: Bounded[PartView]) -> PartView:
    try:
        return await question.answer()
    except ConceptoscopeError as fault:
        found, remedy = _parted(str(fault))
        return PartView(state="failed", found=found, remedy=remedy)
    except Exception as fault:  # its text may hold anything, so it goes into the log only
        log.exception("readiness of %s", name)
        return PartView(state="failed", found=f"The check failed ({type(fault).__name__}).", remedy="Read the log.")


def _parted(text: str) -> tuple[str, str]:
    """What was found and what to do: errors end with the remedy, as sentences or after a colon."""
    found, stop, remedy = text.partition(". ")
    if not stop:
        found, stop, remedy = text.rpartition(": ")
    return (found, remedy) if stop else (text, "")


def _catalog(site: Site) -> PartView:
    revision = site.catalog.check()
    return PartView(state="ok", found=f"answers, at migration {revision}", n=len(site.roster.entries()))


def _artifacts(site: Site) -> PartView:
    site.artifacts.check_readable()
    return PartView(state="ok", found="can be read")


def _store(site: Site) -> PartView:
    check_still_writable(site.settings.store)
    free = shutil.disk_usage(site.settings.store).free
    return PartView(state="ok", found=f"can be written, {free / 2**30:.1f} GiB free")


def _static(site: Site) -> PartView:
    names, lost = site.static.names, site.static.lost()
    if lost or not names:
        raise Unavailable(
            f"{len(lost)} of {len(names)} static files are gone, such as {', '.join(lost[:1]) or 'all'}. "
            "Install the program again, then restart it."
        )
    if not any(name.startswith("vendor/") for name in names):
        return PartView(state="missing", found="no files of others", remedy="Run `make setup`.", n=len(names))
    return PartView(state="ok", found="all there", n=len(names))


def _workers(site: Site) -> PartView:
    site.catalog.check()
    since = datetime.now(UTC) - timedelta(seconds=site.settings.lost_after_s)
    with site.catalog.session() as session:
        rows = list_workers(session)
    n = sum(row.state == WorkerState.ALIVE and row.seen_at >= since for row in rows)
    if not n:
        return PartView(state="missing", found="no worker lives", remedy="Start one: `conceptoscope worker`.", n=0)
    return PartView(state="ok", found="there is somebody to carry out jobs", n=n)


def _encoder(site: Site) -> PartView:
    try:
        state = site.encoder.look()
    except EncoderUnavailable as fault:
        remedy = "Start one: `conceptoscope up`, or `conceptoscope encoder` with the secret that this program knows."
        return PartView(state="missing", found=_parted(str(fault))[0], remedy=remedy)
    return PartView(state="ok", found=f"answers, with {state.n_waiting} of {state.n_waiting_max} places taken")


_CHECKS: Final[dict[str, Check]] = {
    "catalog": _catalog,
    "artifacts": _artifacts,
    "store": _store,
    "static": _static,
    WORKERS: _workers,
    ENCODER: _encoder,
}
