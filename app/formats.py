"""Data formats: ``format=`` or ``Accept`` chooses in which a collection leaves; JSON is the one of the envelope."""

from typing import Any, Final

from starlette.requests import Request

from app.params import Param
from store.atlas.cursor import ALL, parse_limit
from store.atlas.grammar import BadQuery, Fault
from store.sheets import Format

JSON: Final = "json"
MEDIA_TYPES: Final = {
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ARROW: "application/vnd.apache.arrow.stream",
}
SUFFIXES: Final = {Format.NDJSON: "ndjson", Format.CSV: "csv", Format.PARQUET: "parquet", Format.ARROW: "arrows"}
_ACCEPTED: Final = {
    **{kind.partition(";")[0]: form for form, kind in MEDIA_TYPES.items()},
    "application/ndjson": Format.NDJSON,
    "application/jsonl": Format.NDJSON,
    "application/x-parquet": Format.PARQUET,
    "application/json": None,
    "application/*": None,
    "text/html": None,
    "*/*": None,
}
FORMAT: Final = Param(
    "format",
    "Data format; `Accept` chooses where this is empty. All but json are tables without an envelope, of all there is.",
    (JSON, *Format),
    JSON,
)
FIELDS: Final = Param("fields", "Only these fields, as a comma list.")
TABLE: Final = (FORMAT, FIELDS)
"""What every collection takes."""


def choose_format(request: Request) -> Format | None:
    """The table's format that is asked for, None for JSON; the request's canonical query tells it from then on."""
    asked = request.query_params.get("format", "").strip()
    if asked and asked not in FORMAT.choices:
        raise BadQuery(Fault("format", f"'format' cannot be '{asked}'.", FORMAT.choices))
    form = _accepted(request.headers.get("accept", "")) if not asked else None if asked == JSON else Format(asked)
    request.state.form = form
    return form


def _accepted(header: str) -> Format | None:
    """The first of the media types that are liked best; what we don't know counts for nothing."""
    known = []
    for place, part in enumerate(header.lower().split(",")):
        kind, _, rest = part.partition(";")
        if kind.strip() in _ACCEPTED:
            known.append((-_weight(rest), "*" in kind, place, _ACCEPTED[kind.strip()]))
    best = min(known, key=lambda one: one[:3], default=None)
    return best[3] if best and best[0] < 0 else None


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def limit_param(param: Param, form: Format | None) -> Param:
    """A table has no limit of its own."""
    return Param(param.name, param.meaning) if form else param


def limit_of(text: str, form: Format | None, **bounds: Any) -> int:
    """How many are asked for: of a table all, unless it is said; raises ``BadQuery``."""
    return parse_limit(text, default=ALL, most=ALL) if form else parse_limit(text, **bounds)


def split_fields(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names in a comma list; raises ``BadQuery`` for one that is not known."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    bad = [name for name in names if name not in known]
    if bad:
        raise BadQuery(Fault("fields", f"There is no field '{bad[0]}' here.", known))
    return names
