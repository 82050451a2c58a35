"""The audit log: who changed what, when, and what came of it; a line of JSON for each, on a logger of its own."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import BinaryIO, Final

from store.errors import InvalidInput

AUDIT: Final = "conceptoscope.audit"


@dataclass(frozen=True)
class Change:
    """A change, done or refused. Never what was sent, nor the address of an analysis, nor a secret."""

    who: str
    """local, token, browser, anonymous; command where somebody works beside the store"""
    token: str
    """id of the token by which, or which, it was done"""
    name: str
    address: str
    """where it came from: an address, or who is logged in on the machine"""
    method: str
    path: str
    status: int
    request_id: str = ""

    @property
    def line(self) -> str:
        """As it is written."""
        told = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": self.who,
            "token": self.token or None,
            "name": self.name or None,
            "from": self.address,
            "method": self.method[:20],
            "path": self.path[:300],
            "status": self.status,
            "outcome": _outcome(self.status),
            "request_id": self.request_id,
        }
        return json.dumps(told)


def _outcome(status: int) -> str:
    if status < 400:
        return "done"
    return "refused" if status < 500 else "failed"


def keep_in(file: Path | None) -> None:
    """Write the lines of this process into a file, which may be moved away at any time; raises ``InvalidInput``."""
    log = logging.getLogger(AUDIT)
    log.setLevel(logging.INFO)
    if file is None:
        return
    try:
        file.touch(mode=0o600)
        handler = WatchedFileHandler(file, encoding="utf-8")
    except OSError as fault:
        raise _unwritable(file, fault) from fault
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.propagate = False


@contextmanager
def appending(file: Path | None) -> Iterator[Callable[[Change], None]]:
    """For a command: what writes a line into the file, beside the processes that do, or on standard error.

    Raises ``InvalidInput`` at once for a file that cannot be written.
    """
    if file is None:
        yield _tell
        return
    try:
        out = os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
    except OSError as fault:
        raise _unwritable(file, fault) from fault
    with out:
        yield lambda change: _put(out, change)


def _tell(change: Change) -> None:
    sys.stderr.write(f"{change.line}\n")


def _put(out: BinaryIO, change: Change) -> None:
    out.write(change.line.encode() + b"\n")


def _unwritable(file: Path, fault: OSError) -> InvalidInput:
    return InvalidInput(
        f"The audit log {file} cannot be written: {fault.strerror}. Choose another CONCEPTOSCOPE_AUDIT_LOG."
    )
