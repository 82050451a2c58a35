"""Memory that is free inside of the process goes back to the system, so that what is held is what is used."""

import asyncio
from typing import Final

from store.thrift import give_back
from worker.encoder.admission import Admission

_EVERY_S: Final = 2.0


async def keep_giving_back(admission: Admission, *, every_s: float = _EVERY_S) -> None:
    """Every now and then, if there was work since the last time; it takes milliseconds."""
    n_known = 0
    while True:
        await asyncio.sleep(every_s)
        if admission.n_admitted != n_known:
            n_known = admission.n_admitted
            await asyncio.to_thread(give_back)
