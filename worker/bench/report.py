"""A benchmark's result as Markdown, for ``docs/benchmarks.md``."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN_OF_DIGEST = 8


def markdown(result: Mapping[str, Any]) -> str:
    """Heading, command, tables, bars, failures, and what it was measured on; ``result`` is what ``run`` returned."""
    parts = [
        f"## {result['title']}",
        f"`{command(result)}` — {result['about']}",
        *(_table(table) for table in result["tables"]),
        *([_bars(result["bars"])] if result["bars"] else []),
        *result["notes"],
        *([_failures(result["failures"])] if result["failures"] else []),
        _measured(result),
    ]
    return "\n\n".join(parts) + "\n"


def command(result: Mapping[str, Any]) -> str:
    """The command line that gives the same options."""
    changed = [f"--set {key}={_option(value)}" for key, value in sorted(result["changed"].items())]
    return " ".join(["conceptoscope bench", result["benchmark"], *changed])


def _option(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f'"{text}"' if " " in text else text


def _table(table: Mapping[str, Any]) -> str:
    columns = [c for c in table["columns"] if any(row.get(c["key"]) is not None for row in table["rows"])]
    lines = [
        _line(column["label"] for column in columns),
        _line("---" for _ in columns),
        *(_line(_cell(row.get(column["key"]), column) for column in columns) for row in table["rows"]),
    ]
    heading = f"**{table['title']}**" if table["title"] else ""
    return "\n\n".join(part for part in (heading, "\n".join(lines), table["note"]) if part)


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any, column: Mapping[str, Any]) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if column["percent"]:
        return f"{100 * value:.{column['digits']}f} %"
    return f"{value:,.{column['digits']}f}" if isinstance(value, float) else f"{value:,}"


def _bars(bars: Sequence[Mapping[str, Any]]) -> str:
    told = (f"{one['what']} {one['measured']:.3f} ({'met' if one['met'] else 'NOT met'})" for one in bars)
    return f"Bar {bars[0]['bar']:g}: {'; '.join(told)}." if _same_bar(bars) else _each_bar(bars)


def _same_bar(bars: Sequence[Mapping[str, Any]]) -> bool:
    return len({one["bar"] for one in bars}) == 1


def _each_bar(bars: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        _line([one["what"], f"{one['measured']:.3f}", f"{one['bar']:g}", "yes" if one["met"] else "NO"]) for one in bars
    ]
    return "\n".join([_line(["bar", "measured", "at least", "met"]), _line(["---"] * 4), *rows])


def _failures(failures: Sequence[Mapping[str, str]]) -> str:
    return "Failed:\n\n" + "\n".join(f"* {one['name']}: {one['error']}" for one in failures)


def _measured(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    accelerator = machine["accelerator"] or "no GPU"
    seeds = ", ".join(map(str, result["seeds"]))
    specs = ", ".join(f"{name} `{one['digest'][:_SHOWN_OF_DIGEST]}`" for name, one in result["specs"].items())
    return (
        f"Measured {result['made_at'][:10]} in {result['seconds']:,.0f} s on {machine['processor']}, "
        f"{machine['cores']} cores ({machine['threads']} threads), {machine['memory_gib']} GiB, {accelerator}; "
        f"Python {machine['python']}, torch {machine['torch']}, Conceptoscope {machine['conceptoscope']}; "
        f"seeds {seeds}. Specs (digests): {specs or 'none'}."
    )
