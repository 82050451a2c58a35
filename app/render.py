"""Jinja: one environment, strict about undefined names, and the few ways in which numbers are written."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

from app import urls
from app.static_tree import StaticTree
from app.views.base import Frame, View
from store.resources import resource
from store.specs import digest_of
from store.version import VERSION

ABSENT = "–"


def n3(value: float | None) -> str:
    """Three significant digits: 0.0123, −4.57, 1,230; a dash when absent."""
    if value is None or not math.isfinite(value):
        return ABSENT
    if value < 0:
        return f"−{n3(-value)}"
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{mantissa}e{int(power)}"
    rounded = float(f"{value:.2e}")
    digits = max(2 - math.floor(math.log10(abs(rounded))), 0)
    text = f"{rounded:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if isinstance(value, int) and "." in text else text


def digits(value: float | None) -> str:
    """A number for other programs: nine significant digits, which tell 32-bit floats apart; empty when absent."""
    return "" if value is None or not math.isfinite(value) else str(value) if isinstance(value, int) else f"{value:.9g}"


def signed(value: float | None) -> str:
    """The same with its sign: +0.0123, −4.57, 0."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{'+' if value > 0 else ''}{n3(value)}"


def percent(value: float | None) -> str:
    """A share in per cent with three significant digits: 0.1234 -> 12.3 %."""
    return ABSENT if value is None or not math.isfinite(value) else f"{n3(100 * value)} %"


def integer(value: float | None) -> str:
    """A whole number with thousands separators."""
    return ABSENT if value is None else f"{round(value):,}"


def plural(n: int, noun: str, *, many: str = "") -> str:
    """A count with its noun: 1 concept, 1,024 concepts, 3 dictionaries."""
    if n == 1:
        return f"1 {noun}"
    regular = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{n:,} {many or regular}"


def short_digest(value: str) -> str:
    """The first twelve digits of a digest."""
    return value.removeprefix("sha256:")[:12]


def when(value: str) -> str:
    """An RFC 3339 time for people: 21 Nov 2026, 06:38 UTC."""
    return f"{datetime.fromisoformat(value):%d %b %Y, %H:%M} UTC" if value else ABSENT


def duration(seconds: float | None) -> str:
    """A length of time by its two largest units: 4.2 s, 1 min 05 s, 2 h 10 min, 3 d 4 h."""
    if seconds is None or not math.isfinite(seconds):
        return ABSENT
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, part, smaller in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller:02} {part}"
    return f"{whole} s"


def in_bytes(value: float | None) -> str:
    """An amount of memory or disk with two or three digits: 512 B, 1.4 MB, 230 GB; powers of 1000."""
    if value is None or not math.isfinite(value):
        return ABSENT
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= 0.9995 * size:
            return f"{value / size:.3g} {unit}" if value < 999.5 * size else f"{value / size:,.0f} {unit}"
    return f"{value:.0f} B"


def ago(value: str | None) -> str:
    """How long a moment is past: 12 s ago."""
    if not value:
        return ABSENT
    passed = (datetime.now(UTC) - datetime.fromisoformat(value)).total_seconds()
    return "just now" if passed < 2 else f"{duration(max(passed, 0))} ago"


FILTERS = {
    "n3": n3,
    "digits": digits,
    "signed": signed,
    "percent": percent,
    "integer": integer,
    "plural": plural,
    "digest": short_digest,
    "when": when,
    "duration": duration,
    "bytes": in_bytes,
    "ago": ago,
}


def environment(
    folder: Path | None = None, static: StaticTree | None = None, *, signs_in: bool = False
) -> jinja2.Environment:
    """The environment of all templates; ``signs_in`` where tokens are asked for."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder or resource("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(FILTERS)
    env.globals.update(urls=urls, version=VERSION, static=(static or StaticTree(resource("static"))).url)
    env.globals["signs_in"] = signs_in
    return env


class Pages:
    """Renders templates."""

    def __init__(self, folder: Path, static: StaticTree, *, signs_in: bool = False) -> None:
        self._env = environment(folder, static, signs_in=signs_in)
        self.ahead = f'"{static.url("ahead.speculationrules")}"'
        """Value of the header that tells which links of a page a browser may follow before they are chosen."""
        texts = {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.html"))}
        self.digest = digest_of([VERSION, static.digest, texts])[:16]
        """Changes whenever a page may look different for the same data."""

    def page(self, template: str, *, view: View, frame: Frame, status: int = 200, **more: Any) -> HTMLResponse:
        """A whole page."""
        return HTMLResponse(self.text(template, view=view, frame=frame, **more), status)

    def fragment(self, template: str, *, view: View, status: int = 200, **more: Any) -> HTMLResponse:
        """A part of a page."""
        return HTMLResponse(self.text(template, view=view, **more), status)

    def text(self, template: str, **variables: Any) -> str:
        """The rendered text."""
        return self._env.get_template(template).render(**variables)
