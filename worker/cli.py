"""The command line: one command per job, plain words, exit code 2 and one line on a person's mistake."""

import json
import logging
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from store.artifacts import disk_is_full, full_disk, sha256_of
from store.errors import ConceptoscopeError, InvalidInput
from store.presets import PRESETS, get_preset
from store.settings import Settings
from store.specs import AtlasSpec, ClassRule, CollectionSpec, ExtractionSpec
from store.version import VERSION
from store.vocabulary import Fit
from worker.reporting import Reporter
from worker.workshop import Built, Workshop, model_slug, model_title

_INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    name="conceptoscope",
    help="See what vision models see: learn concepts from photos, then look at them in a browser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of the store [default: ./conceptoscope-store].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
DeviceOption = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ... [default: cuda when there is one].")]
RebuildOption = Annotated[
    bool, typer.Option("--rebuild", help="Check what is there and build damaged artifacts again.")
]
WeightsOption = Annotated[Path | None, typer.Option(help="Weights file: safetensors or a plain state dict.")]
PortOption = Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one [default: 8600].")]


@app.command()
def doctor(
    store: StoreOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check every file of every artifact.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the machine, the packages and the store, and say what to do about what is missing."""
    from worker.doctor import examine

    findings = examine(_settings(store), verify=verify)
    if as_json:
        _print_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            print(
                f"{finding.state:<5} {finding.what}: {finding.found}"
                + (f"  -> {finding.remedy}" if finding.remedy else "")
            )
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


@app.command()
def ingest(
    folder: Annotated[Path, typer.Argument(help="Folder of photos; sub-folders are searched.")],
    slug: Annotated[str | None, typer.Option(help="Name in addresses [default: the folder's name].")] = None,
    title: Annotated[str | None, typer.Option(help="Name for people [default: the folder's name].")] = None,
    classes: Annotated[str, typer.Option(help="Where classes come from: folder, csv, prefix or none.")] = "folder",
    csv: Annotated[
        Path | None, typer.Option(help="CSV file with the columns file and class, for --classes csv.")
    ] = None,
    prefix: Annotated[int, typer.Option(help="Characters of the file name, for --classes prefix.")] = 1,
    held_out: Annotated[float, typer.Option(help="Share of images that only judge.")] = 0.15,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a collection of a folder of photos."""
    name = folder.resolve().name
    rule = ClassRule.model_validate({"by": classes, "csv": str(csv) if csv else None, "prefix": prefix})
    spec = CollectionSpec(slug=slug or model_slug(name), title=title or name, classes=rule, held_out=held_out)
    workshop = _workshop(store, rebuild=rebuild)
    _report(workshop.ingest(folder, spec), as_json=as_json, extra=lambda _: _collection_facts(workshop, spec.slug))


@app.command()
def extract(
    collection: Annotated[str, typer.Argument(help="Slug of the collection.")],
    model: Annotated[str, typer.Option(help="Bundled model, or timm/NAME.")] = "efficientnet-lite0",
    layer: Annotated[str | None, typer.Option(help="Layer [default: the model's last].")] = None,
    size: Annotated[str | None, typer.Option(help="Input HEIGHTxWIDTH in pixels [default: the model's own].")] = None,
    fit: Annotated[Fit, typer.Option(help="How photos meet the input window.")] = Fit.CROP,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a model over a collection and keep its activations at one layer."""
    workshop = _workshop(store, device=device, rebuild=rebuild)
    spec = _extraction(model, layer, size=size, fit=fit, weights=weights)
    _report(workshop.extract(collection, spec, weights=weights), as_json=as_json)


@app.command()
def train(
    collection: Annotated[str, typer.Argument(help="Slug of the collection.")],
    model: Annotated[str, typer.Option(help="Bundled model, or timm/NAME.")] = "efficientnet-lite0",
    layer: Annotated[str | None, typer.Option(help="Layer [default: the model's last].")] = None,
    size: Annotated[str | None, typer.Option(help="Input HEIGHTxWIDTH in pixels [default: the model's own].")] = None,
    fit: Annotated[Fit, typer.Option(help="How photos meet the input window.")] = Fit.CROP,
    preset: Annotated[str, typer.Option(help=f"One of {', '.join(p.name for p in PRESETS)}.")] = "topk-small",
    n_concepts: Annotated[int | None, typer.Option(help="Number of concepts [default: the preset's].")] = None,
    n_active: Annotated[int | None, typer.Option(help="Active concepts per token [default: the preset's].")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the tokens [default: the preset's].")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random [default: the preset's].")] = None,
    slug: Annotated[str | None, typer.Option(help="Name in addresses [default: model-layer-method].")] = None,
    title: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    as_json: JsonOption = False,
) -> None:
    """Learn a dictionary of concepts from a collection; activations are extracted when they are missing."""
    chosen = get_preset(preset).spec
    changes = {"n_concepts": n_concepts, "n_active": n_active, "epochs": epochs, "seed": seed}
    spec = type(chosen).model_validate(chosen.as_json() | {key: v for key, v in changes.items() if v is not None})
    workshop = _workshop(store, device=device, rebuild=rebuild)
    extraction = _extraction(model, layer, size=size, fit=fit, weights=weights)
    activations = workshop.extract(collection, extraction, weights=weights).artifact
    name = slug or model_slug(f"{model}-{extraction.layer}-{spec.method}")
    called = title or f"{model_title(model)}, {extraction.layer}, {spec.method}"
    _report(
        workshop.train(name, called, activations=activations, spec=spec),
        as_json=as_json,
        extra=lambda _: {"slug": name},
    )


@app.command()
def atlas(
    dictionary: Annotated[str, typer.Argument(help="Slug of the dictionary.")],
    n_examples: Annotated[int, typer.Option(help="Examples per band.")] = 16,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    as_json: JsonOption = False,
) -> None:
    """Gather the evidence of a dictionary's concepts, so that the explorer can show them."""
    workshop = _workshop(store, rebuild=rebuild)
    _report(workshop.atlas(dictionary, AtlasSpec(n_examples=n_examples)), as_json=as_json)


@app.command()
def demo(
    photos: Annotated[
        Path | None, typer.Option(help="Folder of the demo photos [default: those of make setup].")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open the explorer at the end.")] = True,
    port: PortOption = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    as_json: JsonOption = False,
) -> None:
    """Learn concepts from the demo photos with three real models, then open the explorer."""
    from worker.demo import build_demo, find_demo_photos

    settings = _settings(store, demo_photos=photos)
    slugs = build_demo(_workshop(store, device=device, rebuild=rebuild), find_demo_photos(settings))
    if as_json:
        _print_json({"store": str(settings.store), "dictionaries": slugs})
    if serve:
        _serve(settings, port=port)


@app.command()
def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: PortOption = None,
    store: StoreOption = None,
) -> None:
    """Open the explorer over what the store holds."""
    _serve(_settings(store), host=host, port=port)


@app.command("ls")
def list_store(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List what the store holds."""
    from worker.listing import list_everything

    listing = list_everything(_settings(store))
    if as_json:
        _print_json(listing)
        return
    for kind, rows in listing.items():
        table = Table(title=kind, title_justify="left", box=None, pad_edge=False)
        for column in rows[0] if rows else ():
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        Console().print(table if rows else f"{kind}: none")


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


def _settings(store: Path | None, **changes: Any) -> Settings:
    given = {"store": store} | changes
    return Settings(**{key: value for key, value in given.items() if value is not None})


def _workshop(store: Path | None, *, device: str | None = None, rebuild: bool = False) -> Workshop:
    return Workshop(_settings(store), Reporter(), device=device, rebuild=rebuild)


def _extraction(model: str, layer: str | None, *, size: str | None, fit: Fit, weights: Path | None) -> ExtractionSpec:
    height, width = _size(size)
    if weights is not None and not weights.is_file():
        raise InvalidInput(f"The weights file '{weights}' does not exist; check --weights.")
    return ExtractionSpec(
        model=model,
        weights_sha256=sha256_of(weights) if weights else None,
        layer=layer or _default_layer(model, weights),
        height_px=height,
        width_px=width,
        fit=fit,
    )


def _default_layer(model: str, weights: Path | None) -> str:
    from worker.models.registry import load_model

    return str(load_model(model, weights_file=weights).default_layer)


def _size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    height, _, width = text.lower().partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise InvalidInput(f"--size is HEIGHTxWIDTH in pixels, for example 320x576; '{text}' is not.")
    return int(height), int(width)


def _collection_facts(workshop: Workshop, slug: str) -> dict[str, Any]:
    collection, _ = workshop.collection(slug)
    kinds = [row["kind"] for row in collection.duplicates()]
    return {
        "slug": slug,
        "n_images": len(collection.images),
        "n_exact_duplicates": kinds.count("exact"),
        "n_near_duplicates": kinds.count("near"),
        "damaged": collection.damaged(),
    }


def _report(built: Built, *, as_json: bool, extra: Any = None) -> None:
    artifact = built.artifact
    facts = {"kind": artifact.kind.value, "digest": artifact.digest, "reused": built.reused}
    facts |= extra(built) if extra else {}
    if as_json:
        _print_json(facts)
        return
    for name, value in facts.items():
        print(f"{name}: {value if not isinstance(value, list) else len(value)}")
        if isinstance(value, list):
            for row in value[:20]:
                print("  " + ", ".join(str(v) for v in row.values()))


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, default=str))


def _serve(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Become the web program: it never shares a process with torch."""
    chosen = str(settings.port if port is None else port)
    command = [sys.executable, "-m", "app", "--host", host or settings.host, "--port", chosen]
    os.execv(sys.executable, [*command, "--store", str(settings.store)])  # noqa: S606 our own program, no shell


if __name__ == "__main__":
    main()
