"""Commands that build: ingest, extract, train, atlas, align, demo."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from store.jobs import AlignJob, ExtractJob, IndexJob, IngestJob, NamedDictionary, TrainJob
from store.methods import AnyDictionarySpec
from store.naming import model_slug, model_title
from store.presets import get_preset
from store.specs import AlignmentSpec, AtlasSpec, ClassRule, CollectionSpec
from worker.cli.jobs import hand_over
from worker.cli.looking import print_table
from worker.cli.options import (
    CollectionArgument,
    DetachOption,
    DeviceOption,
    JsonOption,
    PortOption,
    Reading,
    RebuildOption,
    StoreOption,
    WeightsAgainOption,
    alignment_facts,
    collection_facts,
    print_all,
    print_built,
    print_json,
    serve_all,
    settings_of,
    with_reading,
    workshop_of,
)
from worker.cli.sweep import combined, named, parse_change
from worker.workshop import Wanted


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
    detach: DetachOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a collection of a folder of photos."""
    name = folder.resolve().name
    rule = ClassRule.model_validate({"by": classes, "csv": str(csv) if csv else None, "prefix": prefix})
    spec = CollectionSpec(slug=slug or model_slug(name), title=title or name, classes=rule, held_out=held_out)
    if detach:
        hand_over(store, IngestJob(folder=folder.absolute(), collection=spec, rebuild=rebuild), as_json=as_json)
        return
    workshop = workshop_of(store, rebuild=rebuild)
    built = workshop.ingest(folder, spec)
    print_built(built, as_json=as_json, extra=collection_facts(workshop, spec.slug))


@with_reading
def extract(
    collection: CollectionArgument,
    reading: Reading,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a model over a collection and keep its activations at one layer, or with --live their statistics alone."""
    extraction, weights = reading.extraction(), reading.weights
    if detach:
        job = ExtractJob(collection=collection, extraction=extraction, weights=_absolute(weights), rebuild=rebuild)
        hand_over(store, job, as_json=as_json)
        return
    workshop = workshop_of(store, device=device, rebuild=rebuild)
    print_built(workshop.extract(collection, extraction, weights=weights), as_json=as_json)


@with_reading
def train(
    collection: CollectionArgument,
    reading: Reading,
    preset: Annotated[list[str] | None, typer.Option(help="Repeatable [default: topk-small]. See presets.")] = None,
    n_concepts: Annotated[list[int] | None, typer.Option(help="Number of concepts, repeatable.")] = None,
    n_active: Annotated[list[int] | None, typer.Option(help="Active concepts per token, repeatable.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seed of first weights and samples, repeatable.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the tokens [default: the preset's].")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Any other field of the spec, repeatable.")
    ] = None,
    slug: Annotated[str | None, typer.Option(help="Name in addresses [default: model-layer-method].")] = None,
    title: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
) -> None:
    """Learn dictionaries of concepts from a collection; activations are extracted when they are missing.

    Options that are given several times make every combination, trained on one pass over the tokens where they can.
    """
    from worker.training import team

    fields = {"epochs": [epochs] if epochs else [], **dict(parse_change(text) for text in change or ())}
    fields |= {"n_concepts": n_concepts or [], "n_active": n_active or [], "seed": seed or []}
    specs = combined([get_preset(name).spec for name in preset or ["topk-small"]], fields)
    extraction, weights = reading.extraction(), reading.weights
    names = named(specs, start=slug or model_slug(f"{reading.model}-{extraction.layer}"), with_method=slug is None)
    wanted = _wanted(specs, names, heading=f"{model_title(reading.model)}, {extraction.layer}", title=title)
    if detach:
        named_dictionaries = tuple(NamedDictionary(slug=w.slug, title=w.title, spec=w.spec) for w in wanted)
        reads = {"collection": collection, "extraction": extraction, "weights": _absolute(weights)}
        job = TrainJob(**reads, dictionaries=named_dictionaries, rebuild=rebuild)
        hand_over(store, job, as_json=as_json)
        return
    workshop = workshop_of(store, device=device, rebuild=rebuild)
    with team.joined():
        with team.first_alone():
            activations = workshop.extract(collection, extraction, weights=weights).artifact
        built = workshop.train(wanted, activations=activations, weights=weights)
        if team.rank() == 0:
            print_all(built, [{"slug": one.slug} for one in wanted], as_json=as_json)


def _wanted(
    specs: Sequence[AnyDictionarySpec], names: Sequence[tuple[str, str]], *, heading: str, title: str | None
) -> list[Wanted]:
    """The dictionaries under their names; a title that was given is kept as it is for a single one."""
    if title and len(specs) == 1:
        return [Wanted(names[0][0], title, specs[0])]
    return [Wanted(name, f"{title or heading}, {what}", spec) for (name, what), spec in zip(names, specs, strict=True)]


def _absolute(path: Path | None) -> Path | None:
    """As a worker that runs elsewhere in this machine sees it."""
    return path.absolute() if path else None


def atlas(
    dictionary: Annotated[str, typer.Argument(help="Slug of the dictionary.")],
    n_examples: Annotated[int, typer.Option(help="Examples per band.")] = 16,
    weights: WeightsAgainOption = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
) -> None:
    """Gather the evidence of a dictionary's concepts, so that the explorer can show them."""
    spec = AtlasSpec(n_examples=n_examples)
    if detach:
        paths = tuple(path.absolute() for path in weights or ())
        job = IndexJob(dictionary=dictionary, atlas=spec, weights=paths, rebuild=rebuild)
        hand_over(store, job, as_json=as_json)
        return
    workshop = workshop_of(store, device=device, rebuild=rebuild)
    print_built(workshop.atlas(dictionary, spec, weights=weights or ()), as_json=as_json)


def align(
    first: Annotated[str, typer.Argument(help="Slug of a dictionary.")],
    second: Annotated[str, typer.Argument(help="Slug of another dictionary of the same collection.")],
    weights: WeightsAgainOption = None,
    device: DeviceOption = None,
    store: StoreOption = None,
    rebuild: RebuildOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the concepts of two dictionaries together: which are the same, which are one side's own."""
    if detach:
        paths = tuple(path.absolute() for path in weights or ())
        hand_over(store, AlignJob(first=first, second=second, weights=paths, rebuild=rebuild), as_json=as_json)
        return
    workshop = workshop_of(store, device=device, rebuild=rebuild)
    built = workshop.align(first, second, AlignmentSpec(), weights=weights or ())
    numbers, sides = alignment_facts(built)
    if as_json:
        print_built(built, as_json=True, extra=numbers | {"sides": sides})
    else:
        print_built(built, as_json=False, extra=numbers)
        print_table(sides)


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
    """Learn concepts from the demo photos with three real models, then run the explorer, a worker and an encoder."""
    from worker.demo import demo_pipeline, find_demo_photos
    from worker.engine.asking import do_here

    settings = settings_of(store, demo_photos=photos)
    done = do_here(settings, demo_pipeline(find_demo_photos(settings), rebuild=rebuild), device=device)
    if as_json:
        made = (done.result or {}).get("made", [])
        slugs = [one["slug"] for one in made if one["kind"] in ("dictionary", "universal")]
        print_json({"store": str(settings.store), "job": done.id, "dictionaries": slugs})
    if serve:
        serve_all(settings, port=port)
