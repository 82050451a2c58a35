"""The command that joins several models: universal."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from store.errors import InvalidInput, NotFound
from store.presets import DEMO_UNIVERSAL
from store.specs import ExtractionSpec
from store.universal import UniversalSpec
from store.vocabulary import Fit
from worker.cli.options import (
    CollectionArgument,
    DeviceOption,
    JsonOption,
    RebuildOption,
    StoreOption,
    parse_size,
    print_built,
    settings_of,
)
from worker.cli.sweep import parse_change


def universal(
    collection: CollectionArgument,
    streams: Annotated[
        str, typer.Option(help="Two to five MODEL:LAYER, by commas, each with @HEIGHTxWIDTH of its input if wanted.")
    ],
    n_concepts: Annotated[int | None, typer.Option(help="Number of concepts.")] = None,
    n_active: Annotated[int | None, typer.Option(help="Active concepts per token.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the tokens.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of first weights and samples.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Any other field of the spec, repeatable.")
    ] = None,
    fit: Annotated[Fit, typer.Option(help="How photos meet the input windows.")] = Fit.COVER,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    as_json: JsonOption = False,
) -> None:
    """Learn one dictionary of concepts that several models share; activations are extracted when they are missing."""
    from worker.joint_workshop import JointWorkshop
    from worker.reporting import Reporter

    given = {"n_concepts": n_concepts, "n_active": n_active, "epochs": epochs, "seed": seed}
    spec = spec_of({key: value for key, value in given.items() if value is not None}, change or ())
    extractions = [parse_stream(text, fit=fit) for text in streams.split(",")]
    workshop = JointWorkshop(settings_of(store), Reporter(), device=device, rebuild=rebuild)
    print_built(workshop.universal(collection, extractions, spec), as_json=as_json)


def parse_stream(text: str, *, fit: Fit) -> ExtractionSpec:
    """The extraction of ``MODEL:LAYER`` or ``MODEL:LAYER@HEIGHTxWIDTH``."""
    named, _, size = text.strip().partition("@")
    model, _, layer = named.rpartition(":")
    if not (model and layer):
        raise InvalidInput(f"--streams lists MODEL:LAYER, for example mobilenet-v2:blocks.6@320x576; '{text}' is not.")
    height, width = parse_size(size or None)
    return ExtractionSpec(model=model, layer=layer, height_px=height, width_px=width, fit=fit)


def spec_of(given: dict[str, Any], changes: Sequence[str]) -> UniversalSpec:
    """The demo's spec with what is given; raises ``NotFound`` for a field that it does not have."""
    for field, values in map(parse_change, changes):
        if field not in UniversalSpec.model_fields or field == "method":
            raise NotFound("field of a universal spec", field, known=UniversalSpec.model_fields)
        given = {**given, field: values[0]}
    return UniversalSpec.model_validate({**DEMO_UNIVERSAL.as_json(), **given})
