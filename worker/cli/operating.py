"""Commands that run the programs and keep a store in order."""

import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from store.analyses.keeper import Keeper
from store.artifacts import Leftover, open_artifacts
from store.catalog.session import Catalog
from store.errors import NotFound
from store.retention import Unneeded
from store.vocabulary import Access
from worker.cli.looking import print_table
from worker.cli.options import (
    AccessOption,
    DeviceOption,
    JsonOption,
    PortOption,
    PublicOption,
    StoreOption,
    parse_duration,
    print_json,
    settings_of,
)

WeightsOfModelsOption = Annotated[
    list[Path] | None,
    typer.Option("--weights", help="Weights file that a model of a dictionary was given, for the encoder; repeatable."),
]


def up(
    device: Annotated[
        list[str] | None,
        typer.Option(help="cpu, cuda:0, ...: one worker for each, repeatable [default: one worker, which picks]."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: PortOption = None,
    access: AccessOption = None,
    public: PublicOption = False,
    weights: WeightsOfModelsOption = None,
    store: StoreOption = None,
) -> None:
    """Run the explorer, a worker and an encoder on this machine until ended; what dies is started again."""
    from worker.up import Supervisor, programs_of

    chosen = Access.READ_ONLY_PUBLIC if public else access
    settings = settings_of(store, host=host, port=port, access=chosen)
    Supervisor(programs_of(settings, devices=device or (), weights=weights or ())).run()


def encoder(
    device: DeviceOption = None,
    weights: WeightsOfModelsOption = None,
    store: StoreOption = None,
) -> None:
    """Answer the web program what a photo holds, until ended; `up` starts one, too."""
    from worker.encoder.service import serve

    logging.getLogger("worker.encoder").setLevel(logging.INFO)
    serve(settings_of(store), device=device, weights=weights or ())


def secret(file: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Write a new secret into a file that others cannot read, unless it is there already."""
    import secrets

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with open(file, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as fresh:
            fresh.write(secrets.token_urlsafe(32) + "\n")
        print(f"There is a new secret in {file}.")
    except FileExistsError:
        print(f"There is a secret in {file} already.")


def migrate(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Bring the catalog to this version, and see that artifacts at a URL can be written.

    A catalog in SQLite needs no command: it is migrated when it is opened.
    """
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


def gc(
    grace: Annotated[str, typer.Option(metavar="TIME", help="How long what nothing needs stays: 12h, 7d.")] = "7d",
    activations: Annotated[
        bool, typer.Option("--activations", help="Let activations go, too, whose dictionaries all have an atlas.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it. Without, it is only shown.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what nothing in the store refers to and no job uses, and with --yes remove it."""
    from worker.collector import Collector

    span, settings = parse_duration(grace, option="--grace"), settings_of(store)
    if not (settings.store.is_dir() or settings.is_elsewhere):
        raise NotFound("store", str(settings.store), remedy="Give another --store.")
    artifacts, catalog = open_artifacts(settings), Catalog(settings.catalog_url)
    collector = Collector(artifacts, catalog)
    found = collector.look(grace=span, activations=not activations)
    told = collector.remove(found) if yes else found
    keeper = Keeper(settings, catalog)
    n_analyses = keeper.sweep() if yes else keeper.n_expired()
    artifacts.close()
    catalog.close()
    if as_json:
        print_json(_going(told, n_kept=len(found) - len(told), grace=span, removed=yes) | {"n_analyses": n_analyses})
    else:
        _print_going(told, n_kept=len(found) - len(told), removed=yes)
        if n_analyses:
            print(f"{n_analyses} photos of visitors whose time is over {'were' if yes else 'can be'} deleted.")


def _going(told: Sequence[Unneeded], *, n_kept: int, grace: timedelta, removed: bool) -> dict[str, Any]:
    totals = {"n_things": len(told), "n_bytes": sum(one.thing.n_bytes for one in told), "n_kept": n_kept}
    facts = {"removed": removed, "grace_s": grace.total_seconds(), **totals}
    return facts | {"things": [_facts(one) | {"since": one.since.isoformat()} for one in told]}


def _facts(one: Unneeded) -> dict[str, Any]:
    thing = one.thing
    what, digest = (thing.what, thing.address) if isinstance(thing, Leftover) else ("artifact", thing.digest)
    return {"kind": thing.kind.value, "what": what, "digest": digest, "n_bytes": thing.n_bytes, "why": one.why.value}


def _print_going(told: Sequence[Unneeded], *, n_kept: int, removed: bool) -> None:
    rows = [
        {
            "kind": facts["kind"],
            "digest": facts["digest"][:12],
            "size": _size(facts["n_bytes"]),
            "why": facts["why"],
            "since": f"{one.since:%Y-%m-%d %H:%M}",
        }
        for one in told
        for facts in [_facts(one)]
    ]
    if rows:
        print_table(rows)
    if n_kept:
        print(f"{n_kept} stayed: wanted meanwhile.")
    size = f"{len(rows)} {'thing' if len(rows) == 1 else 'things'}, {_size(sum(one.thing.n_bytes for one in told))}"
    if removed:
        print(f"Removed: {size}.")
    else:
        print(f"To remove: {size}. Nothing has been removed; --yes does." if rows else "There is nothing to remove.")


def _size(n_bytes: int) -> str:
    """A size as people read it."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if n_bytes >= 1024**power:
            return f"{n_bytes / 1024**power:.1f} {unit}"
    return f"{n_bytes} B"
