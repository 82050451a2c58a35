"""Commands that move what people wrote about concepts from one store to another."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from store.annotation_file import import_annotations, write_annotations
from store.catalog.session import Catalog
from store.errors import InvalidInput, NotFound
from worker.cli.options import JsonOption, StoreOption, print_json, settings_of

annotations = typer.Typer(
    name="annotations",
    help="Labels with their history and votes, comments and lists: move them from one store to another.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_STANDARD = Path("-")


@annotations.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write them (JSON lines); - is standard output.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all annotations of a store into a file."""
    catalog = _catalog(store)
    if file == _STANDARD:
        write_annotations(catalog, sys.stdout)
        return
    draft = file.with_name(f"{file.name}.part")
    try:
        with draft.open("w", encoding="utf-8") as opened:
            n = write_annotations(catalog, opened)
        draft.replace(file)
    except OSError as fault:
        draft.unlink(missing_ok=True)
        raise InvalidInput(f"'{file}' cannot be written: {fault.strerror}. Choose another file.") from fault
    if as_json:
        print_json({"file": str(file), "n": n})
    else:
        print(f"{n:,} annotations in {file}.")


@annotations.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="File that export wrote; - is standard input.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take annotations in; the same file twice changes nothing, and where both stores changed a text both stay."""
    catalog = _catalog(store)
    try:
        with nullcontext(sys.stdin) if file == _STANDARD else file.open(encoding="utf-8") as lines:
            found = import_annotations(catalog, lines)
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidInput(f"'{file}' cannot be read: {fault}. Give a file that export wrote.") from fault
    if as_json:
        print_json({"read": found.n_read, "new": found.n_new, "unknown_dictionaries": found.unknown})
        return
    read = ", ".join(f"{n:,} {kind}s" for kind, n in sorted(found.n_read.items())) or "nothing"
    print(f"Read {read}; {found.n_new:,} of them brought something new.")
    for digest, n in sorted(found.unknown.items()):
        print(f"{n:,} of them are about the dictionary {digest[:12]}, which is not in this store: kept until it is.")


def _catalog(store: Path | None) -> Catalog:
    settings = settings_of(store)
    if not (settings.store.is_dir() or settings.database_url):
        raise NotFound("store", str(settings.store), remedy="Give another --store.")
    return Catalog(settings.catalog_url)
