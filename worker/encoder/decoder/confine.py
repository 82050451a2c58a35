"""What a decoder process may use: so much memory and processor time, no file, no process."""

import contextlib
import ctypes
import resource
import signal
import sys
from typing import Final

_SET_PARENT_DEATH_SIGNAL: Final = 1  # prctl, Linux
_SET_NO_NEW_PRIVILEGES: Final = 38
_BYTES_PER_PIXEL: Final = 24  # a palette with transparency stands in memory as P, three times as RGBA, and as RGB
_BASE_BYTES: Final = 512 * 2**20  # the program itself; address space, most of it never touched
_STANDARD_FILES: Final = 3


def memory_limit(max_pixels: int) -> int:
    """Address space in which the largest picture that is allowed can be decoded."""
    return _BASE_BYTES + _BYTES_PER_PIXEL * max_pixels


def confine(*, max_pixels: int) -> None:
    """Give up what decoding does not need; called when everything has been imported. There is no way back."""
    limit = memory_limit(max_pixels)
    for kind, most in (
        (resource.RLIMIT_AS, limit),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _STANDARD_FILES),
        (resource.RLIMIT_NPROC, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a system that knows no such limit
            resource.setrlimit(kind, (most, most))
    if sys.platform == "linux":
        kernel = ctypes.CDLL(None)
        kernel.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        kernel.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def allow_processor_time(seconds: int) -> None:
    """From now on the process may compute so long; then the kernel ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))
