"""Requests that changed something, or were refused, in the audit log."""

import logging

from app.access.who import Who
from store.audit import AUDIT, Change

log = logging.getLogger(AUDIT)
refused = logging.getLogger("conceptoscope.refused")


def write(who: Who, *, method: str, path: str, status: int, request_id: str) -> None:
    """A change."""
    log.info("%s", _line(who, method=method, path=path, status=status, request_id=request_id))


def write_look(who: Who, *, method: str, path: str, status: int, request_id: str) -> None:
    """A request that would only have looked, and was refused: in the log, not in the file of changes."""
    refused.info("%s", _line(who, method=method, path=path, status=status, request_id=request_id))


def _line(who: Who, *, method: str, path: str, status: int, request_id: str) -> str:
    return Change(who.kind, who.token_id, who.name, who.address, method, path, status, request_id).line
