"""Real connections whose requests and answers are noted."""

from dataclasses import dataclass, field

import httpx


@dataclass
class Noted:
    """What went over the wire: method, address, status."""

    calls: list[tuple[str, str, int]] = field(default_factory=list)

    def take(self) -> list[tuple[str, str, int]]:
        """What was noted since the last look."""
        found, self.calls = self.calls, []
        return found

    @property
    def statuses(self) -> list[int]:
        """The statuses since the last look."""
        return [status for _, _, status in self.take()]

    def note(self, request: httpx.Request, response: httpx.Response) -> None:
        self.calls.append((request.method, str(request.url), response.status_code))


class Recording(httpx.HTTPTransport):
    """The network."""

    def __init__(self, noted: Noted) -> None:
        super().__init__()
        self.noted = noted

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self.noted.note(request, response)
        return response


class AsyncRecording(httpx.AsyncHTTPTransport):
    """The same for loops."""

    def __init__(self, noted: Noted) -> None:
        super().__init__()
        self.noted = noted

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        self.noted.note(request, response)
        return response
