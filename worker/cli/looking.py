"""Commands that look at what there is: doctor, ls, web."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from store.presets import PRESETS
from worker.cli.options import JsonOption, PortOption, StoreOption, print_json, serve_web, settings_of


def doctor(
    store: StoreOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check every file of every artifact.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the machine, the packages and the store, and say what to do about what is missing."""
    from worker.doctor import examine

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
    store: StoreOption = None,
) -> None:
    """Open the explorer over what the store holds."""
    serve_web(settings_of(store), host=host, port=port)


def list_store(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List what the store holds."""
    from worker.listing import list_everything

    listing = list_everything(settings_of(store))
    if as_json:
        print_json(listing)
        return
    for kind, rows in listing.items():
        table = Table(title=kind, title_justify="left", box=None, pad_edge=False)
        for column in rows[0] if rows else ():
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        Console().print(table if rows else f"{kind}: none")


def presets(as_json: JsonOption = False) -> None:
    """List the presets of `train`: what each is for, how long it takes and what to expect of it."""
    if as_json:
        print_json([{"name": preset.name, "note": preset.note, "spec": preset.spec.as_json()} for preset in PRESETS])
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("preset", "method", "concepts", "active", "note"):
        table.add_column(heading, overflow="fold")
    for preset in PRESETS:
        spec = preset.spec
        table.add_row(preset.name, spec.method, str(spec.n_concepts), str(spec.n_active), preset.note)
    Console().print(table)
