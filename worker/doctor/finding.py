"""One thing examined, and how examining goes on when it cannot be seen."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from store.errors import ConceptoscopeError

State = Literal["good", "warn", "bad"]


@dataclass(frozen=True)
class Finding:
    """One thing examined."""

    what: str
    state: State
    found: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as plain JSON values."""
        return asdict(self)


def tried(what: str, look: Callable[[], str], *, remedy: str, state: State = "bad") -> Finding:
    """What ``look`` finds, or the fault that it met and what to do about it."""
    try:
        return Finding(what, "good", look())
    except ConceptoscopeError as fault:
        return Finding(what, state, str(fault), remedy)


class Later:
    """Findings that are looked for while others are, and given up when they take too long."""

    def __init__(self, what: str, look: Callable[[], list[Finding]], *, where: str, remedy: str) -> None:
        self._what, self._where, self._remedy, self._look = what, where, remedy, look
        self._found: list[Finding] | None = None
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"look at {what}", daemon=True)
        self._thread.start()

    def findings(self, *, deadline: float) -> list[Finding]:
        """What was found until then, on the monotonic clock; one bad finding when that is nothing."""
        self._thread.join(max(deadline - time.monotonic(), 0))
        if self._fault is not None:
            raise self._fault
        if self._found is None:
            return [Finding(self._what, "bad", f"no answer from {self._where} in time", self._remedy)]
        return self._found

    def _run(self) -> None:
        try:
            self._found = self._look()
        except ConceptoscopeError as fault:
            self._found = [Finding(self._what, "bad", str(fault), self._remedy)]
        except Exception as fault:  # our own mistake, told where the findings are asked for
            self._fault = fault


def in_words(seconds: float) -> str:
    """How long, roughly: ``45 s``, ``12 min``, ``3 h``, ``4 days``."""
    for unit, length in (("days", 2 * 86_400), ("h", 2 * 3600), ("min", 120)):
        if seconds >= length:
            return f"{seconds // {'days': 86_400, 'h': 3600, 'min': 60}[unit]:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
