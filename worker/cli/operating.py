"""Commands that run the programs and keep a store in order."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.options import JsonOption, PortOption, StoreOption, print_json, settings_of


def up(
    device: Annotated[
        list[str] | None,
        typer.Option(help="cpu, cuda:0, ...: one worker for each, repeatable [default: one worker, which picks]."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: PortOption = None,
    store: StoreOption = None,
) -> None:
    """Run the explorer and a worker on this machine until ended; what dies is started again."""
    from worker.up import Supervisor, programs_of

    settings = settings_of(store, host=host, port=port)
    Supervisor(programs_of(settings, devices=device or ())).run()


def migrate(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Bring the catalog to this version, and see that artifacts at a URL can be written.

    A catalog in SQLite needs no command: it is migrated when it is opened.
    """
    from store.artifacts import open_artifacts
    from store.catalog.versions import migrate as migrate_catalog

    settings = settings_of(store)
    before, after = migrate_catalog(settings.catalog_url)
    if settings.artifacts_url:
        open_artifacts(settings).check()
    if as_json:
        print_json({"before": before, "after": after, "artifacts": settings.artifacts_url})
    else:
        print(f"The catalog was at migration {before or 'none'} and is at {after} now.")
        if settings.artifacts_url:
            print(f"Artifacts can be written at {settings.artifacts_url}.")


def backup(
    to: Annotated[Path, typer.Argument(help="Folder of the copy; it must be empty or not be there yet.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a store that is in use; the copy is a store itself."""
    from store.backup import back_up

    n_bytes = back_up(settings_of(store), to)
    if as_json:
        print_json({"folder": str(to), "n_bytes": n_bytes})
    else:
        print(f"{n_bytes / 2**20:,.0f} MiB in {to}; check them with: conceptoscope doctor --verify --store {to}")
