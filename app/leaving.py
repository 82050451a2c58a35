"""Work that is dropped when the visitor leaves before it is done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

T = TypeVar("T")
_LEFT = 408
"""Nobody reads it."""


async def while_waited_for(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The outcome of the work, which is cancelled when the visitor leaves. The body must have been read before."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(_LEFT, "The visitor has left.")
        return await working
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
