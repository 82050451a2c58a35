"""What a worker is called: one name, one living process on this machine, the same name after a restart."""

import fcntl
import os
import re
import socket
from pathlib import Path
from typing import IO

from store.errors import InvalidInput, Unavailable
from store.settings import Settings

_FOLDER = ".workers"
_MOST = 1000


class WorkerName:
    """A name held by a lock that the kernel releases when the process ends, however it ends."""

    def __init__(self, name: str, lock: IO[str]) -> None:
        self.name, self._lock = name, lock

    def release(self) -> None:
        """Let another process have the name."""
        self._lock.close()


def take_name(settings: Settings) -> WorkerName:
    """The worker's name from the settings, or the first free one of this host: ``host``, ``host-2``, ...

    Raises ``Unavailable`` when another process of this machine has the name that was asked for.
    """
    folder = settings.store / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if settings.worker_name:
        held = _try(folder, _checked(settings.worker_name))
        if held is None:
            raise Unavailable(
                f"A worker named '{settings.worker_name}' already runs on this machine: end it, or give this one "
                "another name (CONCEPTOSCOPE_WORKER_NAME)."
            )
        return held
    host = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower()).strip("-") or "worker"
    for number in range(1, _MOST):
        held = _try(folder, host if number == 1 else f"{host}-{number}")
        if held is not None:
            return held
    raise Unavailable(f"{_MOST} workers run on this machine already.")


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise InvalidInput(f"The worker name '{name}' may have letters, digits, '.', '_' and '-' only.")
    return name


def _try(folder: Path, name: str) -> WorkerName | None:
    lock = (folder / f"{name}.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return WorkerName(name, lock)
