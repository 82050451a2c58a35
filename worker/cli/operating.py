"""Commands that keep a store in order."""

from worker.cli.options import JsonOption, StoreOption, print_json, settings_of


def migrate(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Bring the catalog to this version. One in SQLite needs no command: it is migrated when it is opened."""
    from store.catalog.versions import migrate as migrate_catalog

    before, after = migrate_catalog(settings_of(store).catalog_url)
    if as_json:
        print_json({"before": before, "after": after})
    else:
        print(f"The catalog was at migration {before or 'none'} and is at {after} now.")
