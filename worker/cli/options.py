"""What several commands share: options, and what is made of them."""

import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from store.errors import InvalidInput
from store.settings import Settings
from store.specs import ExtractionSpec
from store.vocabulary import Access, Fit
from worker.reporting import Reporter
from worker.weights import weights_digest
from worker.workshop import Built, Workshop

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of the store [default: ./conceptoscope-store].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
DeviceOption = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ... [default: cuda when there is one].")]
RebuildOption = Annotated[
    bool, typer.Option("--rebuild", help="Check what is there and build damaged artifacts again.")
]
WeightsAgainOption = Annotated[
    list[Path] | None,
    typer.Option("--weights", help="Weights file that activations were made with, if they are not stored; repeatable."),
]
DetachOption = Annotated[
    bool, typer.Option("--detach", help="Write a job down for a worker and return at once; see jobs and worker.")
]
PortOption = Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one [default: 8600].")]
AccessOption = Annotated[
    Access | None,
    typer.Option(help="Who may visit; must be chosen where others can [default: local, whoever uses this machine]."),
]
PublicOption = Annotated[
    bool, typer.Option("--read-only-public", help="All may look, only who has a token may do more.")
]
CollectionArgument = Annotated[str, typer.Argument(help="Slug of the collection.")]


@dataclass(frozen=True)
class Reading:
    """Which model is read, at which layer and how: options of every command that needs activations."""

    model: Annotated[str, typer.Option(help="Bundled model, or timm/NAME.")] = "efficientnet-lite0"
    layer: Annotated[str | None, typer.Option(help="Layer [default: the model's last].")] = None
    size: Annotated[str | None, typer.Option(help="Input HEIGHTxWIDTH in pixels [default: the model's own].")] = None
    fit: Annotated[Fit, typer.Option(help="How photos meet the input window.")] = Fit.CROP
    weights: Annotated[Path | None, typer.Option(help="Weights file: safetensors or a plain state dict.")] = None
    live: Annotated[
        bool, typer.Option("--live", help="Store no activations: the model makes them anew whenever they are read.")
    ] = False

    def extraction(self) -> ExtractionSpec:
        """The extraction that the options mean; the layer is the model's last where none is given."""
        height, width = parse_size(self.size)
        return ExtractionSpec(
            model=self.model,
            weights_sha256=weights_digest(self.weights) if self.weights else None,
            layer=self.layer or default_layer(self.model, self.weights),
            height_px=height,
            width_px=width,
            fit=self.fit,
            stored=not self.live,
        )


def with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter ``reading`` is given option by option, one for each field of ``Reading``."""
    fields = inspect.signature(Reading).parameters
    own = inspect.signature(command)

    @wraps(command)
    def run(**given: Any) -> None:
        reading = Reading(**{name: given.pop(name) for name in fields})
        command(reading=reading, **given)

    parts = [fields.values() if name == "reading" else [one] for name, one in own.parameters.items()]
    parameters = [one for part in parts for one in part]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def settings_of(store: Path | None, **changes: Any) -> Settings:
    """Settings with what the command line gives."""
    given = {"store": store} | changes
    return Settings(**{key: value for key, value in given.items() if value is not None})


def workshop_of(store: Path | None, *, device: str | None = None, rebuild: bool = False) -> Workshop:
    """The workshop over the store."""
    return Workshop(settings_of(store), Reporter(), device=device, rebuild=rebuild)


def default_layer(model: str, weights: Path | None) -> str:
    """The model's last layer."""
    from worker.models.registry import load_model

    return str(load_model(model, weights_file=weights).default_layer)


def parse_size(text: str | None) -> tuple[int | None, int | None]:
    """Height and width of ``HEIGHTxWIDTH``."""
    if text is None:
        return None, None
    height, _, width = text.lower().partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise InvalidInput(f"--size is HEIGHTxWIDTH in pixels, for example 320x576; '{text}' is not.")
    return int(height), int(width)


def parse_duration(text: str, *, option: str) -> timedelta:
    """A span of time such as ``90s``, ``30m``, ``12h``, ``7d``, at most ten years."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:].lower()
    span = timedelta(**{units[unit]: int(number)}) if unit in units and re.fullmatch("[0-9]{1,8}", number) else None
    if span is None or span > timedelta(days=3650):
        raise InvalidInput(f"{option} is a time such as 12h or 7d (s, m, h or d; ten years at most); '{text}' is not.")
    return span


def collection_facts(workshop: Workshop, slug: str) -> dict[str, Any]:
    """What a person wants to know of a fresh collection."""
    collection, _ = workshop.collection(slug)
    kinds = [row["kind"] for row in collection.duplicates()]
    return {
        "slug": slug,
        "n_images": len(collection.images),
        "n_exact_duplicates": kinds.count("exact"),
        "n_near_duplicates": kinds.count("near"),
        "damaged": collection.damaged(),
    }


def alignment_facts(built: Built) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a person wants to know of an alignment: the headline numbers, and what became of either side's concepts."""
    from store.alignment.reader import Alignment

    alignment = Alignment(built.artifact)
    numbers = {name: value for name, value in alignment.summary.items() if not isinstance(value, dict)}
    sides = [
        {"side": side.value, "model": facts.model, "layer": facts.layer, "dictionary": facts.dictionary[:12]}
        | alignment.summary[side.value]
        for side, facts in alignment.sides.items()
    ]
    alignment.close()
    return numbers, sides


def print_built(built: Built, *, as_json: bool, extra: Mapping[str, Any] | None = None) -> None:
    """Say what was built or found."""
    print_all([built], [extra or {}], as_json=as_json)


def print_all(built: Sequence[Built], extras: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Say of each artifact what it is; as JSON one object, or a list when there are several."""
    rows = [
        {"kind": one.artifact.kind.value, "digest": one.artifact.digest, "reused": one.reused, **extra}
        for one, extra in zip(built, extras, strict=True)
    ]
    if as_json:
        print_json(rows[0] if len(rows) == 1 else rows)
        return
    for row in rows:
        for name, value in row.items():
            print(f"{name}: {len(value) if isinstance(value, list) else value}")
            for part in value[:20] if isinstance(value, list) else ():
                print("  " + ", ".join(map(str, part.values())))


def print_json(value: Any) -> None:
    """A value on standard output."""
    print(json.dumps(value, indent=1, default=str))


def serve_all(settings: Settings, *, port: int | None = None) -> None:
    """Become all programs of one machine; what this process has loaded is gone."""
    command = [sys.executable, "-m", "worker.cli", "up", "--port", str(settings.port if port is None else port)]
    os.execv(sys.executable, [*command, "--store", str(settings.store)])  # noqa: S606 our own program, no shell


def serve_web(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Become the web program: it never shares a process with torch. Raises ``InvalidInput``."""
    chosen = str(settings.port if port is None else port)
    access = settings.model_copy(update={"host": host or settings.host}).chosen_access
    command = [sys.executable, "-m", "app", "--host", host or settings.host, "--port", chosen, "--access", access]
    os.execv(sys.executable, [*command, "--store", str(settings.store)])  # noqa: S606 our own program, no shell
