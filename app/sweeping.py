"""Deletes visitors' photos when their time is over, at the start and ever after."""

import asyncio
import logging
from typing import Final

from starlette.concurrency import run_in_threadpool

from app.site import Site
from store.errors import ConceptoscopeError

log = logging.getLogger(__name__)

EVERY_S: Final = 300.0


async def sweep_often(site: Site, *, every_s: float = EVERY_S) -> None:
    """Until cancelled; a catalog that does not answer is asked again."""
    while True:
        try:
            await run_in_threadpool(site.keeper.sweep)
        except (ConceptoscopeError, OSError) as fault:
            log.warning("analyses that have expired could not be deleted: %s", fault)
        await asyncio.sleep(min(every_s, site.settings.analysis_kept_s / 4))
