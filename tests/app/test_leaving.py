"""Visitors who leave are not worked for."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from app.leaving import while_waited_for


def request_of(messages: Iterator[Message]) -> Request:
    async def receive() -> Message:
        message = next(messages, None)
        if message is None:
            await asyncio.sleep(60)
        assert message is not None
        return message

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


def test_the_outcome_comes_back_and_faults_do() -> None:
    async def work() -> int:
        await asyncio.sleep(0.01)
        return 7

    async def fail() -> int:
        raise ValueError("no")

    async def both() -> None:
        assert await while_waited_for(request_of(iter(())), work()) == 7
        with pytest.raises(ValueError, match="no"):
            await while_waited_for(request_of(iter(())), fail())

    asyncio.run(both())


def test_work_is_cancelled_when_nobody_waits() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(True)
            raise

    async def leave() -> None:
        messages: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]
        with pytest.raises(HTTPException):
            await while_waited_for(request_of(iter(messages)), work())

    asyncio.run(leave())
    assert ended == [True]
