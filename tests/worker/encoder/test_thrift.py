"""Free memory goes back after work, and nothing is done when there was none."""

import asyncio

import pytest

from worker.encoder import thrift
from worker.encoder.admission import Admission


def test_memory_is_given_back_after_work_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(thrift, "give_back", lambda: given.append(1))

    async def work() -> None:
        admission = Admission(4, within_s=1.0)
        task = asyncio.create_task(thrift.keep_giving_back(admission, every_s=0.01))
        await asyncio.sleep(0.1)
        assert not given
        async with admission.admitted():
            pass
        await asyncio.sleep(0.2)
        task.cancel()
        assert len(given) == 1

    asyncio.run(work())
