"""What happens to every request, whoever carries it out: what is kept is asked for by ETag, what fails is retried."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from conceptoscope.asking import Ask, Pause, Plan, Reply
from conceptoscope.cache import DiskCache, Kept
from conceptoscope.errors import Refused, TimedOut, Unexpected, Unreachable, refusal
from conceptoscope.retrying import PASSING, Backoff, read_retry_after

_BROKEN = (httpx.TransportError, httpx.DecodingError)


@dataclass(frozen=True)
class Session:
    """A server, who asks it, and how patiently."""

    base: str
    secret: dict[str, str] = field(default_factory=dict, repr=False)
    """Headers that say who asks."""
    backoff: Backoff = field(default_factory=Backoff)
    cache: DiskCache | None = None

    def exchange(self, ask: Ask) -> Plan[Reply]:
        """The answer to a request; raises ``Refused``, ``Unreachable`` or ``TimedOut``."""
        key = self._key(ask)
        kept = self.cache.find(key) if self.cache and key else None
        if kept and kept.is_lasting:
            return self._known(ask, kept)
        headers = self.secret_for(ask) | dict(ask.headers) | ({"If-None-Match": kept.etag} if kept else {})
        reply = yield from self._patiently(replace(ask, headers=headers))
        if reply.status == 304 and kept:
            return self._known(ask, kept)
        if reply.status >= 300 and reply.status not in ask.also:
            raise refused(reply)
        if self.cache and key and reply.status == 200:
            self.cache.save(key, reply, is_own="Authorization" in self.secret)
        return reply

    def secret_for(self, ask: Ask) -> dict[str, str]:
        """Who asks: told to this server alone, also where an answer has links to another one."""
        return self.secret if urlsplit(ask.path).netloc in ("", urlsplit(self.base).netloc) else {}

    def _patiently(self, ask: Ask) -> Plan[Reply]:
        n = 0
        while True:
            fault: Unreachable | Refused
            try:
                reply: Reply = yield ask
            except _BROKEN as broken:
                fault = unreachable(ask, broken)
            else:
                if reply.status not in PASSING or reply.status in ask.also:
                    return reply
                fault = refused(reply)
            asked_s = fault.problem.retry_after if isinstance(fault, Refused) else None
            wait_s = self.backoff.wait_s(n, asked_s=asked_s) if ask.may_repeat else None
            if wait_s is None:
                raise fault
            yield Pause(wait_s)
            n += 1

    def _key(self, ask: Ask) -> str | None:
        """What an answer is kept under: address and asker. None for what is never kept."""
        if ask.method != "GET" or ask.headers:
            return None
        return "\n".join((str(httpx.URL(self.base).join(ask.path)), repr(ask.query), *self.secret.values()))

    def _known(self, ask: Ask, kept: Kept) -> Reply:
        return Reply(200, httpx.Headers(kept.headers), kept.content, f"{self.base}{ask.path}")


def refused(reply: Reply) -> Refused:
    """The error that an answer stands for."""
    retry_after = read_retry_after(reply.headers.get("retry-after"))
    return refusal(reply.status, reply.content, url=reply.url, retry_after=retry_after)


def unreachable(ask: Ask, fault: Exception) -> Unreachable:
    """What a broken connection is called."""
    told = f"{ask.method} {ask.path}: {fault or type(fault).__name__}"
    if isinstance(fault, httpx.TimeoutException):
        found: Unreachable = TimedOut(f"{told}. Give more time with Client(..., timeout=...).")
    else:
        found = Unreachable(f"{told}. Does the server run at this address?")
    found.__cause__ = fault
    return found


@contextmanager
def told(ask: Ask) -> Iterator[None]:
    """Broken connections of a stream, by their names here."""
    try:
        yield
    except _BROKEN as fault:
        raise unreachable(ask, fault) from fault


def json_of(reply: Reply) -> Any:
    """The JSON of an answer; raises ``Unexpected``."""
    try:
        return json.loads(reply.content)
    except ValueError as fault:
        raise Unexpected(f"{reply.url} answers with no JSON. Is it the address of a Conceptoscope server?") from fault


def data_of(reply: Reply, *, wrapped: bool = True) -> dict[str, Any]:
    """The JSON of an answer, with its ``data`` inside unless it is not wrapped; raises ``Unexpected``."""
    found = json_of(reply)
    if not isinstance(found, dict) or (wrapped and "data" not in found):
        raise Unexpected(f"{reply.url} answers without 'data'. Is it the address of a Conceptoscope server?")
    return found
