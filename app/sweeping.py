"""Deletes visitors' photos when their time is over, before the first request and ever after."""

import asyncio
import logging
from typing import Final

from starlette.concurrency import run_in_threadpool

from app.site import Site
from store.errors import ConceptoscopeError

log = logging.getLogger(__name__)

EVERY_S: Final = 300.0


async def sweep_once(site: Site) -> None:
    """Now; a catalog that does not answer, or is gone, is left for the next time."""
    try:
        await run_in_threadpool(_sweep, site)
    except (ConceptoscopeError, OSError) as fault:
        log.warning("analyses that have expired could not be deleted: %s", fault)


async def sweep_often(site: Site, *, every_s: float = EVERY_S) -> None:
    """Again and again, until cancelled."""
    while True:
        await asyncio.sleep(min(every_s, site.settings.analysis_kept_s / 4))
        await sweep_once(site)


def _sweep(site: Site) -> None:
    site.catalog.check()  # opening one that is gone would make an empty one
    site.keeper.sweep()
