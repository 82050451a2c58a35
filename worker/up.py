"""All programs on one machine: starts them, starts one again that dies, and ends them together."""

import ctypes
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final

from store.errors import Unavailable
from store.settings import Settings, environment_with

_LOOK_EVERY_S: Final = 0.1
_MISTAKE: Final = 2  # exit code of a program that has told a person what to do
_SET_PARENT_DEATH_SIGNAL: Final = 1  # prctl, Linux

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Program:
    """A program of ours and how it is started."""

    name: str
    command: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What it is told beside our own environment; secrets are not for command lines, which everybody sees."""


@dataclass(frozen=True)
class Patience:
    """How often a program that dies is started again, and how long all of them may take to end."""

    tries: int = 5
    first_wait_s: float = 0.5
    """Before the second try; each later one waits twice as long."""
    steady_s: float = 30.0
    """A program that has lived so long is well: what happened before is forgotten."""
    end_within_s: float = 25.0


class _Child:
    """A program, its process, and how it went so far."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.began_at = self.again_at = 0.0
        self.n_deaths = 0
        self.was_steady = False


def programs_of(settings: Settings, *, devices: Sequence[str] = (), weights: Sequence[Path] = ()) -> list[Program]:
    """The web program, a worker for each device, and an encoder on the first of them, unless it runs elsewhere.

    Where no device is named, worker and encoder pick theirs. Raises ``Unavailable`` when the worker's packages are not
    installed, and ``InvalidInput`` when nobody has chosen who may visit.
    """
    if find_spec("dbos") is None or find_spec("torch") is None:
        raise Unavailable(
            "The worker's packages are missing: pip install 'conceptoscope[worker]'; "
            "`conceptoscope web` browses without them."
        )
    store = ("--store", str(settings.store))
    place = ("--host", settings.host, "--port", str(settings.port), "--access", str(settings.chosen_access))
    web = (sys.executable, "-m", "app", *place, *store)
    worker = (sys.executable, "-m", "worker.cli", "worker", *store)
    workers = [Program(f"worker on {device}", (*worker, "--device", device)) for device in devices]
    workers = workers or [Program("worker", worker)]
    if settings.encoder_url:
        return [Program("web", web), *workers]
    known = _known_to_both(settings)
    options = [word for file in weights for word in ("--weights", str(file))]
    options += ["--device", devices[0]] if devices else []
    encoder = (sys.executable, "-m", "worker.cli", "encoder", *store, *options)
    return [Program("web", web, known), *workers, Program("encoder", encoder, known)]


def _known_to_both(settings: Settings) -> dict[str, str]:
    """Where the encoder listens, and the secret: those that are set, otherwise made for this run."""
    chosen = settings.encoder_port if "encoder_port" in settings.model_fields_set else _free_port(settings.encoder_host)
    secret = settings.encoder_secret.get_secret_value() if settings.encoder_secret else secrets.token_urlsafe(32)
    return {"encoder_host": settings.encoder_host, "encoder_port": str(chosen), "encoder_secret": secret}


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Supervisor:
    """Runs programs until it is told to end, or until one of them cannot be kept alive."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        patience: Patience = Patience(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience, self.clock = patience, clock
        self._children = [_Child(program) for program in programs]
        self._n_asked = 0

    def run(self) -> None:
        """Until SIGTERM or SIGINT; a second one ends everything at once. Raises ``Unavailable`` for a lost program."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self._n_asked:
                for child in self._children:
                    self._look(child)
                time.sleep(_LOOK_EVERY_S)
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._n_asked += 1

    def _look(self, child: _Child) -> None:
        """Start a program whose time it is; raises ``Unavailable`` when it is not worth another try."""
        now = self.clock()
        if child.process is None:
            if now >= child.again_at:
                child.process, child.began_at = _started(child.program), now
            return
        if now - child.began_at >= self.patience.steady_s:
            child.n_deaths, child.was_steady = 0, True
        code = child.process.poll()
        if code is not None:
            child.process = None
            self._after_death(child, code, now=now)

    def _after_death(self, child: _Child, code: int, *, now: float) -> None:
        child.n_deaths += 1
        name, how = child.program.name, _in_words(code)
        if code == _MISTAKE and not child.was_steady:
            raise Unavailable(f"The {name} program could not start; it says why above. Everything has been ended.")
        if child.n_deaths >= self.patience.tries:
            raise Unavailable(
                f"The {name} program ended {child.n_deaths} times in a row, at last {how}; what it said stands above. "
                "Everything has been ended; no job is lost. `conceptoscope doctor` may tell what is wrong."
            )
        wait_s = self.patience.first_wait_s * 2 ** (child.n_deaths - 1)
        child.again_at = now + wait_s
        log.warning("the %s program ended %s; it is started again in %g s", name, how, wait_s)

    def _end(self) -> None:
        """Ask all to end, and end those that do not in time; at once when a person asks a second time."""
        n_asked, deadline = max(self._n_asked, 1), self.clock() + self.patience.end_within_s
        for process in self._living():
            process.terminate()
        while self._living() and self.clock() < deadline and self._n_asked <= n_asked:
            time.sleep(_LOOK_EVERY_S)
        for process in self._living():
            log.warning("process %d did not end in time and is killed; no job is lost", process.pid)
            process.kill()
            process.wait()

    def _living(self) -> "list[subprocess.Popen[bytes]]":
        return [child.process for child in self._children if child.process is not None and child.process.poll() is None]


def _started(program: Program) -> "subprocess.Popen[bytes]":
    """A process in a group of its own, so that a terminal's Ctrl-C comes only to us, and that ends when we are gone."""
    end_with_us = _make_leash() if sys.platform == "linux" else None
    return subprocess.Popen(  # noqa: S603 our own programs, no shell
        program.command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        env=environment_with(program.settings),
        preexec_fn=end_with_us,  # noqa: PLW1509 we have one thread only
    )


def _make_leash() -> Callable[[], None]:
    """What a new process does so that the kernel ends it when this one is gone, even by SIGKILL."""
    kernel, parent = ctypes.CDLL(None), os.getpid()

    def leash() -> None:
        kernel.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # we were gone before
            os.kill(os.getpid(), signal.SIGTERM)

    return leash


def _in_words(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
