"""The command that joins several models: universal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from store.errors import InvalidInput, NotFound
from store.jobs import UniversalJob
from store.naming import universal_slug, universal_title
from store.presets import DEMO_UNIVERSAL
from store.specs import ExtractionSpec
from store.streams import find_fault, parse_streams, stream_name
from store.universal import UniversalSpec
from store.vocabulary import Fit
from worker.cli.jobs import hand_over
from worker.cli.options import (
    CollectionArgument,
    DetachOption,
    DeviceOption,
    JsonOption,
    RebuildOption,
    StoreOption,
    print_built,
    workshop_of,
)
from worker.cli.sweep import parse_change
from worker.weights import weights_digest
from worker.workshop import WantedUniversal, Workshop

StreamsOption = Annotated[
    str, typer.Option(help="Two to five MODEL:LAYER, by commas, each with @HEIGHTxWIDTH of its input if wanted.")
]
ChangeOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Any other field of the spec, repeatable.")
]
ModelWeightsOption = Annotated[
    list[str] | None,
    typer.Option(metavar="MODEL=FILE", help="Weights file of a model: safetensors or a state dict; repeatable."),
]
LiveOption = Annotated[
    bool, typer.Option("--live", help="Store no activations: the models make them anew whenever they are read.")
]


def universal(
    collection: CollectionArgument,
    streams: StreamsOption,
    n_concepts: Annotated[int | None, typer.Option(help="Number of concepts.")] = None,
    n_active: Annotated[int | None, typer.Option(help="Active concepts per token.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the tokens.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of first weights and samples.")] = None,
    change: ChangeOption = None,
    fit: Annotated[Fit, typer.Option(help="How photos meet the input windows.")] = Fit.COVER,
    weights: ModelWeightsOption = None,
    live: LiveOption = False,
    slug: Annotated[str | None, typer.Option(help="Name in addresses [default: universal-MODELS].")] = None,
    title: Annotated[str | None, typer.Option(help="Name for people [default: the models' names].")] = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
) -> None:
    """Learn one dictionary of concepts that several models share; activations are extracted when they are missing."""
    given = {"n_concepts": n_concepts, "n_active": n_active, "epochs": epochs, "seed": seed}
    files = parse_weights(weights or ())
    read = _with_weights(parse_streams(streams, fit=fit, stored=not live), files)
    job = UniversalJob(
        collection=collection,
        streams=read,
        weights=files,
        slug=slug or universal_slug(read),
        title=title or universal_title(read),
        spec=spec_of({key: value for key, value in given.items() if value is not None}, change or ()),
        rebuild=rebuild,
    )
    if detach:
        hand_over(store, job, as_json=as_json)
    else:
        _build(job, workshop_of(store, device=device, rebuild=rebuild), as_json=as_json)


def _build(job: UniversalJob, workshop: Workshop, *, as_json: bool) -> None:
    streams = [
        workshop.extract(job.collection, stream, weights=job.weights.get(stream.model)).artifact
        for stream in job.streams
    ]
    wanted = WantedUniversal(job.slug, job.title, job.spec)
    built = workshop.universal(wanted, streams=streams, weights=list(job.weights.values()))
    print_built(built, as_json=as_json, extra={"slug": job.slug})


def parse_weights(texts: Sequence[str]) -> dict[str, Path]:
    """Weights files by model, as a worker that runs elsewhere in this machine sees them."""
    found = {}
    for text in texts:
        model, equals, file = text.partition("=")
        if not (model and equals and file):
            raise InvalidInput(f"--weights is MODEL=FILE, for example timm/resnet50=resnet50.pth; '{text}' is not.")
        found[model] = Path(file).absolute()
    return found


def _with_weights(streams: Sequence[ExtractionSpec], files: dict[str, Path]) -> tuple[ExtractionSpec, ...]:
    """Each stream with the digest of its model's weights file; raises ``InvalidInput`` for streams that do not join."""
    fault = find_fault([stream_name(stream) for stream in streams])
    if fault:
        raise InvalidInput(fault)
    digests = {model: weights_digest(file) for model, file in files.items()}
    return tuple(stream.model_copy(update={"weights_sha256": digests.get(stream.model)}) for stream in streams)


def spec_of(given: dict[str, Any], changes: Sequence[str]) -> UniversalSpec:
    """The demo's spec with what is given; raises ``NotFound`` for a field that it does not have."""
    for field, values in map(parse_change, changes):
        if field not in UniversalSpec.model_fields or field == "method":
            raise NotFound("field of a universal spec", field, known=UniversalSpec.model_fields)
        given = {**given, field: values[0]}
    return UniversalSpec.model_validate({**DEMO_UNIVERSAL.as_json(), **given})
