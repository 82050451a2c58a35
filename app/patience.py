"""The server's side of a connection: it waits for a request only so long, and says in words what it cannot read."""

import json
import sys
from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.headers import SECURITY

HEAD_S: Final = 10.0
"""From the first byte, or from the connection, to the end of a request's head."""


class Patient(H11Protocol):
    """Ends connections on which no whole request arrives, and answers broken ones by problem documents."""

    _waiting: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Somebody is there and should say something."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """More of a request: while its head is not complete, the clock runs on."""
        super().data_received(data)
        if self._is_idle() and not self.transport.is_closing():
            self._wait()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_S, self._give_up)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self._is_idle():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read as a request: too long an address or head, or no HTTP at all."""
        self._stop()
        fault = sys.exc_info()[1]
        status = 431 if getattr(fault, "error_status_hint", 400) == 431 else 400
        if status == 431 and b"\r\n" not in self.conn.trailing_data[0]:
            status = 414
        self._send_problem(status, _TOLD.get(status, msg))

    def _send_problem(self, status: int, detail: str) -> None:
        title = HTTPStatus(status).phrase
        problem: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        told = {**SECURITY, "Content-Type": "application/problem+json", "Connection": "close"}
        headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        events = (
            h11.Response(status_code=status, headers=headers, reason=title.encode()),
            h11.Data(data=json.dumps(problem).encode()),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


_TOLD: Final = {
    414: "The address is longer than 64 KiB: send less.",
    431: "The headers are longer than 64 KiB: send less.",
}
