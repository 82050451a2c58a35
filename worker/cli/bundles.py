"""Commands that pass a dictionary on: a bundle is written from one store and taken into another."""

from pathlib import Path
from typing import Annotated

import typer

from store.artifacts import open_artifacts
from store.catalog.session import Catalog
from store.errors import NotFound
from worker.cli.options import JsonOption, StoreOption, print_json, settings_of


def export(
    dictionary: Annotated[str, typer.Argument(help="Slug of the dictionary; it must have an atlas.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="A file that ends with .tar, or a new folder [default: SLUG.tar here].")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a dictionary with its weights, its atlas and a card as one bundle; activations and photos stay here."""
    from store.bundles.writing import export_bundle

    settings = settings_of(store)
    if not (settings.store.is_dir() or settings.is_elsewhere):
        raise NotFound("store", str(settings.store), remedy="Give another --store.")
    target = to or Path(f"{dictionary}.tar")
    artifacts, catalog = open_artifacts(settings), Catalog(settings.catalog_url)
    facts = export_bundle(dictionary, target, artifacts=artifacts, catalog=catalog)
    artifacts.close()
    catalog.close()
    n_bytes = sum(entry.n_bytes for entry in facts.files().values())
    if as_json:
        print_json({"bundle": str(target), "dictionary": dictionary, "atlas": facts.atlas.digest, "n_bytes": n_bytes})
    else:
        print(f"{n_bytes / 2**20:,.1f} MiB in {target}; take it into another store with: conceptoscope import {target}")


def import_(
    bundle: Annotated[Path, typer.Argument(help="File or folder that `export` wrote.")],
    name: Annotated[str | None, typer.Option("--as", help="Name in addresses [default: the one that it had].")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a bundle and show its dictionary; nothing of one that is damaged stays."""
    from store.artifacts import check_writable
    from store.bundles.taking import import_bundle

    settings = settings_of(store)
    check_writable(settings.store)
    artifacts, catalog = open_artifacts(settings), Catalog(settings.catalog_url)
    taken = import_bundle(bundle, artifacts=artifacts, catalog=catalog, slug=name)
    artifacts.close()
    catalog.close()
    if as_json:
        atlas = taken.facts.atlas.digest
        print_json({"dictionary": taken.slug, "atlas": atlas, "was_there": taken.was_there})
    elif taken.was_there:
        print(f"'{taken.slug}' was there already, and is whole.")
    else:
        print(f"'{taken.slug}' is there now; look at it with: conceptoscope web --store {settings.store}")
