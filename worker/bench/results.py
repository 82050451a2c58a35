"""What a benchmark gives: tables of rows, bars that are met or not, and who failed."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import ValidationError

from store.errors import ConceptoscopeError
from store.methods import TrainingSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Column:
    """One column of a table: the key of its values in the rows, its heading, and how its numbers are written."""

    key: str
    label: str
    digits: int = 3
    percent: bool = False
    """A share in [0, 1] that is written in percent."""


@dataclass(frozen=True)
class Table:
    """Rows of numbers and texts by the keys of the columns; a row may lack a value."""

    title: str
    columns: tuple[Column, ...]
    rows: list[dict[str, Any]]
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """What was to be reached, and whether it was."""

    what: str
    bar: float
    measured: float
    met: bool


@dataclass
class Outcome:
    """All that a benchmark gives; filled while it runs."""

    tables: list[Table] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    subtitle: str = ""
    """What sets this run apart from the benchmark as it is shipped."""

    def keep_spec(self, name: str, spec: TrainingSpec) -> None:
        """Remember what a contender was trained by; the first spec of a name counts."""
        self.specs.setdefault(name, {"digest": spec.digest, "spec": spec.as_json()})

    @contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        """Whatever goes wrong with one contender is written down, and the others go on."""
        try:
            yield
        except Exception as fault:
            if not isinstance(fault, ConceptoscopeError | ValidationError):
                log.warning("%s failed", name, exc_info=fault)
            self.failures.append({"name": name, "error": _told(fault)})

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def at_least(what: str, bar: float, *, measured: float) -> Bar:
    """A bar to be reached or passed."""
    return Bar(what, bar, measured, met=measured >= bar)


def changed_options(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from the defaults."""
    return {key: value for key, value in options.items() if value != defaults.get(key)}


def _told(fault: Exception) -> str:
    if isinstance(fault, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in fault.errors())
    return str(fault) if isinstance(fault, ConceptoscopeError) else f"{type(fault).__name__}: {fault}"
