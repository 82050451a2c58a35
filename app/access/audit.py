"""Who changed what, when, and what came of it: a line of JSON for each, on a logger of its own."""

import json
import logging
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final

from app.access.who import Who
from store.errors import InvalidInput

AUDIT: Final = "conceptoscope.audit"
log = logging.getLogger(AUDIT)
refused = logging.getLogger("conceptoscope.refused")


def write(who: Who, *, method: str, path: str, status: int, request_id: str) -> None:
    """A change. Never what was sent, nor the address of an analysis, nor a secret."""
    log.info("%s", _line(who, method=method, path=path, status=status, request_id=request_id))


def write_look(who: Who, *, method: str, path: str, status: int, request_id: str) -> None:
    """A request that would only have looked, and was refused: in the log, not in the file of changes."""
    refused.info("%s", _line(who, method=method, path=path, status=status, request_id=request_id))


def _line(who: Who, *, method: str, path: str, status: int, request_id: str) -> str:
    told = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": who.kind,
        "token": who.token_id or None,
        "name": who.name or None,
        "from": who.address,
        "method": method[:20],
        "path": path[:300],
        "status": status,
        "outcome": _outcome(status),
        "request_id": request_id,
    }
    return json.dumps(told)


def _outcome(status: int) -> str:
    if status < 400:
        return "done"
    return "refused" if status < 500 else "failed"


def keep_in(file: Path | None) -> None:
    """Write the lines into a file, which may be moved away at any time; raises ``InvalidInput``."""
    log.setLevel(logging.INFO)
    if file is None:
        return
    try:
        file.touch(mode=0o600)
        handler = WatchedFileHandler(file, encoding="utf-8")
    except OSError as fault:
        raise InvalidInput(
            f"The audit log {file} cannot be written: {fault.strerror}. Choose another CONCEPTOSCOPE_AUDIT_LOG."
        ) from fault
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.propagate = False
