"""What a person is told of a job that failed: what happened, and the traceback one click away."""

import traceback
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from store.artifacts import disk_is_full, full_disk
from store.errors import ConceptoscopeError


def describe(fault: Exception, *, store: Path) -> dict[str, Any]:
    """Message (with its remedy), kind of error and traceback, as JSON values."""
    if disk_is_full(fault) and not isinstance(fault, ConceptoscopeError):
        fault = full_disk(store).with_traceback(fault.__traceback__)
    return {
        "message": _message(fault),
        "type": type(fault).__name__,
        "traceback": "".join(traceback.format_exception(fault)),
    }


def _message(fault: Exception) -> str:
    if isinstance(fault, ConceptoscopeError):
        return str(fault)
    if isinstance(fault, ValidationError):
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where + ': ' if where else ''}{first['msg']} (given: {first['input']!r:.80})"
    if isinstance(fault, MemoryError):
        return "The machine ran out of memory. Choose a smaller batch or fewer concepts, or a worker with more memory."
    return (
        f"This should not happen: {type(fault).__name__}: {fault}. Try the job again; if it fails the same way, "
        "report it with the traceback."
    )
