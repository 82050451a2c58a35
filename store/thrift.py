"""The C library's memory: what is free goes back to the system, and threads share what is not. GNU's only."""

import ctypes
import sys
from typing import Final

_ARENA_MAX: Final = -8  # M_ARENA_MAX of mallopt


def give_back() -> None:
    """Return pages that are free inside of the process; it takes milliseconds."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


def share_arenas(n: int = 1) -> None:
    """Let all threads that start from now on allocate from ``n`` arenas, in place of eight for each core.

    What one thread has freed another takes; otherwise each arena keeps the most that its threads ever needed.
    """
    option = _function("mallopt")
    if option is not None:
        option(_ARENA_MAX, n)


def _function(name: str) -> "ctypes._FuncPointer | None":
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
