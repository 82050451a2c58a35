"""The command that measures: bench."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_origin

import typer

from store.errors import NotFound
from worker.cli.options import JsonOption, StoreOption, print_json, settings_of
from worker.cli.sweep import parse_change
from worker.reporting import Reporter


def bench(
    name: Annotated[str | None, typer.Argument(help="Which benchmark [default: list them].")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="An option of the benchmark, repeatable.")
    ] = None,
    docs: Annotated[
        Path | None, typer.Option(help="Markdown file whose section of this benchmark is written anew.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a benchmark; the result is printed as Markdown and kept as JSON in the store."""
    from worker.bench.registry import BENCHMARKS, get_benchmark, run
    from worker.bench.report import markdown

    if name is None:
        print("\n".join(f"{one.name:<16} about {one.minutes:g} min  {one.title}" for one in BENCHMARKS.values()))
        return
    settings = settings_of(store)
    options = _chosen(get_benchmark(name).options, change or ())
    with Reporter().job(f"bench {name}") as tell:
        result = run(name, settings, tell, options)
    kept = settings.store / "benchmarks" / f"{name}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result, indent=1))
    told = markdown(result)
    if docs is not None:
        docs.write_text(with_section(docs.read_text(encoding="utf-8"), told), encoding="utf-8")
    if as_json:
        print_json(result)
    else:
        print(told)


def with_section(text: str, section: str) -> str:
    """A Markdown text with the section of the same heading replaced, or with the section at its end."""
    heading = section.splitlines()[0]
    before, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    after = rest.partition("\n## ")
    kept = f"\n## {after[2]}" if found and after[1] else ""
    return f"{before.removeprefix(chr(10)).rstrip()}\n\n{section.rstrip()}\n{kept}"


def _chosen(options: Any, changes: Sequence[str]) -> dict[str, Any]:
    """Fields and their values; a field that takes several gets the list, another the one value."""
    chosen = {}
    for field, values in map(parse_change, changes):
        if field not in options.model_fields:
            raise NotFound("option of this benchmark", field, known=options.model_fields)
        several = get_origin(options.model_fields[field].annotation) is tuple
        chosen[field] = values if several or len(values) > 1 else values[0]
    return chosen
