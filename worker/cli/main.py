"""The command line: one command per job, plain words, exit code 2 and one line on a person's mistake."""

import logging
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from store.artifacts import disk_is_full, full_disk
from store.errors import ConceptoscopeError
from store.version import VERSION
from worker.cli import annotating, benching, building, jobs, looking, operating, tokens, universal

_INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    name="conceptoscope",
    help="See what vision models see: learn concepts from photos, then look at them in a browser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "doctor": looking.doctor,
    "ingest": building.ingest,
    "extract": building.extract,
    "train": building.train,
    "universal": universal.universal,
    "atlas": building.atlas,
    "align": building.align,
    "demo": building.demo,
    "up": operating.up,
    "web": looking.web,
    "ls": looking.list_store,
    "presets": looking.presets,
    "metrics": looking.metrics,
    "stability": looking.stability,
    "monosemanticity": looking.monosemanticity,
    "bench": benching.bench,
    "worker": jobs.worker,
    "encoder": operating.encoder,
    "secret": operating.secret,
    "migrate": operating.migrate,
    "backup": operating.backup,
    "gc": operating.gc,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(jobs.jobs)
app.add_typer(annotating.annotations)
app.add_typer(tokens.tokens)


@app.callback(invoke_without_command=True)
def options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Handle what needs no command."""
    if version:
        print(VERSION)
        raise typer.Exit


def main() -> None:
    """Run the command line; a person's mistake ends with one line and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app(standalone_mode=True)
    except ConceptoscopeError as fault:
        _fail(str(fault))
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        _fail(f"{where + ': ' if where else ''}{said} (given: {first['input']!r:.80})")
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            print("\nInterrupted. Nothing is lost: run the same command again to go on.", file=sys.stderr)
        raise
    except Exception as fault:
        _fail(str(full_disk(Path.cwd())) if disk_is_full(fault) else _kept(fault))


def _kept(fault: Exception) -> str:
    """Our own mistake: the traceback goes into a file, not at a person."""
    with tempfile.NamedTemporaryFile("w", prefix="conceptoscope-", suffix=".log", delete=False) as file:
        traceback.print_exception(fault, file=file)
    return f"This should not happen: {type(fault).__name__}: {fault}. Please report it with the file {file.name}."


def _fail(text: str) -> None:
    print(f"conceptoscope: {text}", file=sys.stderr)
    sys.exit(2)
