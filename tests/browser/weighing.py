"""What a page costs a browser that has nothing yet: bytes as transferred, by kind, requests, and layout shift."""

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page

SHIFT = "window.shift ?? 0"


@dataclass
class Weight:
    """One page, as the browser's network log has it; pictures in the page (``data:``) are part of its text."""

    n_bytes: dict[str, int] = field(default_factory=dict)
    """Compressed bytes without headers, by kind of resource (``Document``, ``Script``, ``Image``, ...)."""
    transferred: int = 0
    """All bytes that came, headers included."""
    urls: list[str] = field(default_factory=list)
    shift: float = 0.0

    def of(self, kind: str) -> int:
        """Bytes of one kind."""
        return self.n_bytes.get(kind, 0)


def weigh(page: Page, url: str) -> Weight:
    """Load an address in a page that has loaded nothing, and wait until nothing is asked for any more."""
    weight, kinds, headers = Weight(), dict[str, str](), dict[str, int]()
    session = page.context.new_cdp_session(page)

    def asked(event: Any) -> None:
        if not event["request"]["url"].startswith("data:"):
            kinds[event["requestId"]] = event.get("type", "Other")
            weight.urls.append(event["request"]["url"])

    def begun(event: Any) -> None:
        headers[event["requestId"]] = int(event["response"]["encodedDataLength"])

    def finished(event: Any) -> None:
        if kind := kinds.get(event["requestId"]):
            n_bytes = int(event["encodedDataLength"])
            weight.transferred += n_bytes
            weight.n_bytes[kind] = weight.of(kind) + n_bytes - headers.get(event["requestId"], 0)

    session.on("Network.requestWillBeSent", asked)
    session.on("Network.responseReceived", begun)
    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    page.goto(url, wait_until="networkidle")
    weight.shift = float(page.evaluate(SHIFT))
    session.detach()
    return weight
