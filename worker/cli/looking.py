"""Commands that look at what there is, and measure it: doctor, ls, presets, metrics, stability, bench, web."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

import typer
from rich.console import Console
from rich.table import Table

from store.presets import PRESETS
from store.vocabulary import Access
from worker.cli.options import (
    AccessOption,
    DeviceOption,
    JsonOption,
    PortOption,
    PublicOption,
    StoreOption,
    WeightsAgainOption,
    print_json,
    serve_web,
    settings_of,
    workshop_of,
)

_FILE_WIDTH: Final = 240  # of a table that goes into a file or another program


def doctor(
    store: StoreOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check every file of every artifact.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the machine, the store, the workers and their jobs, and say what to do about what is wrong."""
    from worker.doctor.examining import examine

    findings = examine(settings_of(store), verify=verify)
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            print(
                f"{finding.state:<5} {finding.what}: {finding.found}"
                + (f"  -> {finding.remedy}" if finding.remedy else "")
            )
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: PortOption = None,
    access: AccessOption = None,
    public: PublicOption = False,
    store: StoreOption = None,
) -> None:
    """Open the explorer over what the store holds."""
    chosen = Access.READ_ONLY_PUBLIC if public else access
    serve_web(settings_of(store, access=chosen), host=host, port=port)


def list_store(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List what the store holds."""
    from worker.listing import list_everything

    listing = list_everything(settings_of(store))
    if as_json:
        print_json(listing)
        return
    for kind, rows in listing.items():
        print_table(rows, title=kind)


def presets(as_json: JsonOption = False) -> None:
    """List the presets of `train`: what each is for, how long it takes and what came of it on the demo's tokens."""
    if as_json:
        print_json([asdict(preset) | {"spec": preset.spec.as_json()} for preset in PRESETS])
        return
    rows = [
        {
            "preset": preset.name,
            "method": preset.spec.method,
            "concepts": preset.spec.n_concepts,
            "active": preset.spec.n_active,
            "demo R2": "not measured" if preset.r2 is None else preset.r2,
            "L0": preset.l0,
            "dead": None if preset.dead is None else f"{preset.dead:.1%}",
            "seconds": preset.seconds,
            "note": preset.note,
        }
        for preset in PRESETS
    ]
    print_table(rows)


def metrics(
    dictionary: Annotated[str | None, typer.Argument(help="Slug of one dictionary [default: compare all].")] = None,
    layer: Annotated[str | None, typer.Option(help="Only dictionaries of this layer.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare dictionaries by their metrics, or show all metrics of one with nulls and definitions."""
    from worker.scores import all_scores, scores_of

    settings = settings_of(store)
    rows = scores_of(settings, dictionary) if dictionary else all_scores(settings, layer=layer)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, title=dictionary)


def stability(
    dictionaries: Annotated[list[str], typer.Argument(help="Slugs of dictionaries that differ in their seeds.")],
    weights: WeightsAgainOption = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure whether trainings with other seeds found the same concepts; the pages show what was found."""
    found = workshop_of(store, device=device).stability(dictionaries, weights=weights or ())
    rows = [{"one": one, "other": other, **values} for (one, other), values in found.items()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


def monosemanticity(
    dictionary: Annotated[str, typer.Argument(help="Slug of the dictionary.")],
    by: Annotated[str | None, typer.Option(help="Model whose activations judge [default: the first other].")] = None,
    weights: WeightsAgainOption = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure whether each concept's images are alike in the eyes of another model; the pages show it."""
    found = workshop_of(store, device=device).monosemanticity(dictionary, by=by, weights=weights or ())
    if as_json:
        print_json(found)
    else:
        print_table([found])


def print_table(rows: Sequence[Mapping[str, Any]], *, title: str | None = None) -> None:
    """Rows with equal keys as a table for a person."""
    if not rows:
        Console().print(f"{title or 'table'}: none")
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, (column, value) in enumerate(rows[0].items()):
        side: Literal["left", "right"] = "right" if isinstance(value, int | float) else "left"
        table.add_column(column, overflow="fold", justify=side, no_wrap=number == 0)
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    console = Console()
    (console if console.is_terminal else Console(width=_FILE_WIDTH)).print(table)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
