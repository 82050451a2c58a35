"""Soft identifiability: does one concept of a dictionary tell which collages show an object?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import torch
from jaxtyping import Float, Float64
from pydantic import Field
from torch import Tensor

from store.settings import Settings
from store.vocabulary import Fit
from worker.bench.choosing import floor, score
from worker.bench.collages import N_SHOWN, Collages, classes_as_things, make_collages, photos_as_things
from worker.bench.contenders import Contender, contenders, sizes_of
from worker.bench.results import Bar, Column, Outcome, Table, at_least
from worker.bench.sources import LearningOptions, find_photos
from worker.bench.trials import Steps, run_trial
from worker.device import pick_device
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.tokens import MemoryTokens
from worker.metrics.nulls import FixedAtoms, random_atoms
from worker.progress import OnProgress

ABOUT = (
    "Collages of four photos, made on the fly. For each object the best concept by its code in the whole collage; "
    "concept, sign and threshold are chosen on the train half and scored on the test half. Floor: the same with "
    "permuted labels. The published accuracy chooses and scores on the same half, and 1 - 4/m of it is had by always "
    "saying no."
)
VARIANTS: Final = ("topk-random-start", "archetypal-no-relaxation", "archetypal-published-no-projection")
_IMAGES_AT_ONCE = 32


class IdentifiabilityOptions(LearningOptions):
    """How collages are made; sizes and training are those where patches are learned from."""

    height_px: int = Field(256, description="side of a collage")
    width_px: int = Field(256, description="the same: collages are square")
    fit: Fit = Fit.CROP
    objects: tuple[Literal["photos", "classes"], ...] = Field(
        ("photos", "classes"), min_length=1, description="what an object is: one photo, or photos of one class"
    )
    n_objects: int = Field(16, ge=5, le=1000, description="objects, of which a collage shows four")
    n_collages: int = Field(600, ge=20, description="collages of each half")
    pooled_epochs: int = Field(100, ge=1, description="where one pooled vector per collage is learned from")
    pool: Literal["max", "mean"] = Field("max", description="how codes of patches become a collage's code")
    n_draws: int = Field(5, ge=1, description="permutations of the labels for the floor")


@dataclass(frozen=True)
class _Setting:
    """What dictionaries learn from in one table."""

    title: str
    contenders: list[Contender]
    train: Collages
    test: Collages


def run(options: IdentifiabilityOptions, settings: Settings, on_progress: OnProgress) -> Outcome:
    """Make the collages, read them by the model, and judge every method on pooled vectors and on patches."""
    collection, folder = find_photos(options, settings, on_progress)
    on_progress(0, 1, "loading the model")
    model = options.load_model()
    halves: dict[str, tuple[Collages, Collages]] = {}
    for objects in options.objects:
        rng = np.random.default_rng(options.seed)
        make = photos_as_things if objects == "photos" else classes_as_things
        things = make(collection, options.n_objects, rng=rng)
        train, test = (
            make_collages(
                members,
                options.n_collages,
                folder=folder,
                model=model,
                layer=options.layer,
                size_px=options.height_px,
                rng=rng,
                on_progress=on_progress,
            )
            for members in (things.train, things.test)
        )
        halves[objects] = (train, test)
    outcome = measure(options, halves, on_progress=on_progress)
    outcome.notes.append(
        f"{options.n_objects} objects of '{options.collection}', {options.n_collages} collages of "
        f"{options.height_px} px in each half, {options.model} {options.layer}. An object that is one photo is cropped "
        "and flipped by chance; of a class, half of the photos are in the train half's collages and the others in the "
        "test half's."
    )
    return outcome


def measure(
    options: IdentifiabilityOptions, halves: Mapping[str, tuple[Collages, Collages]], *, on_progress: OnProgress
) -> Outcome:
    """Two tables for each kind of objects, from the activations of the train and the test half's collages."""
    outcome = Outcome(seeds=[options.seed])
    settings = [make(options, kind, *both) for kind, both in halves.items() for make in (_pooled, _patches)]
    steps = Steps(on_progress, sum(len(setting.contenders) for setting in settings))
    for setting in settings:
        table = _table(options, setting, outcome=outcome, steps=steps)
        outcome.tables.append(table)
        outcome.bars += _bars(table)
    return outcome


def _pooled(options: IdentifiabilityOptions, kind: str, train: Collages, test: Collages) -> _Setting:
    """As published: one vector per collage, and as many concepts as objects."""
    means, test_means = (Collages(of.tokens.mean(dim=1, keepdim=True), of.shown) for of in (train, test))
    n_points = max(min(1024, len(train.tokens) // 2), options.n_objects)
    fields = options.fields | {
        "n_concepts": options.n_objects,
        "n_active": N_SHOWN,
        "epochs": options.pooled_epochs,
        "batch_tokens": 64,
        "dead_after_tokens": len(train.tokens),
        "n_candidates": n_points,
        "n_mixed": min(32, n_points),
        "n_points": n_points,
    }
    chosen = _contenders(options, fields, width=means.tokens.shape[2])
    title = f"Objects are {kind}; one pooled vector per collage, {sizes_of(chosen)} (as published)"
    return _Setting(title, chosen, means, test_means)


def _patches(options: IdentifiabilityOptions, kind: str, train: Collages, test: Collages) -> _Setting:
    chosen = _contenders(options, options.fields, width=train.tokens.shape[2])
    pooled = {"max": "the largest", "mean": "the mean"}[options.pool]
    title = f"Objects are {kind}; patches, {sizes_of(chosen)}; a collage's code is {pooled} of its patches'"
    return _Setting(title, chosen, train, test)


def _contenders(options: IdentifiabilityOptions, fields: Mapping[str, Any], *, width: int) -> list[Contender]:
    seeds = {"seed": options.seed, "candidate_seed": options.seed}
    return contenders({**fields, **seeds}, width=width, only=options.methods, variants=VARIANTS, presets=True)


def _table(options: IdentifiabilityOptions, setting: _Setting, *, outcome: Outcome, steps: Steps) -> Table:
    stream = MemoryTokens(setting.train.tokens.flatten(0, 1))
    rows = []
    for contender in setting.contenders:
        with outcome.attempt(f"{contender.name} ({setting.title.partition(',')[0]})"):
            trial = run_trial(contender, stream, steps=steps, device=pick_device(options.device))
            row = _row(options, setting, trial.dictionary.encode)
            rows.append({"method": contender.name, **row, "seconds": trial.seconds})
            outcome.keep_spec(f"{contender.name}, {contender.spec.n_concepts} concepts", contender.spec)
        steps.end()
    first = setting.contenders[0].fields
    drawn = random_atoms(first["n_concepts"], stream.width, seed=options.seed)
    random = FixedAtoms(drawn, stream.mean, first["n_active"])
    rows.append({"method": "null: random atoms", **_row(options, setting, random.encode)})
    rows.append({"method": "null: single dimensions", **_row(options, setting, None)})
    return Table(setting.title, _COLUMNS, rows, note=_note(options))


_COLUMNS = (
    Column("method", "method"),
    Column("balanced_accuracy", "balanced accuracy"),
    Column("balanced_accuracy_floor", "floor"),
    Column("auroc", "AUROC"),
    Column("auroc_floor", "floor"),
    Column("published_accuracy", "published accuracy"),
    Column("published_accuracy_floor", "floor"),
    Column("seconds", "training, s", 1),
)


def _bars(table: Table) -> list[Bar]:
    """The published claim in its weakest form: some archetypal kind tells objects at least as well as every other.

    Only the best of all archetypal kinds and variants meets the best of the others, nulls left out.
    """
    scores = {row["method"]: row["auroc"] for row in table.rows if not row["method"].startswith("null")}
    ours = [value for name, value in scores.items() if name.startswith("archetypal")]
    others = [value for name, value in scores.items() if not name.startswith("archetypal")]
    if not ours or not others:
        return []
    what = f"AUROC, best of all archetypal kinds less best of the others ({table.title.partition(',')[0]})"
    return [at_least(what, 0.0, measured=max(ours) - max(others))]


def _note(options: IdentifiabilityOptions) -> str:
    return f"Always saying no has a published accuracy of {1 - N_SHOWN / options.n_objects:.3f}."


def _row(
    options: IdentifiabilityOptions, setting: _Setting, encode: Callable[[Tensor], SparseCodes] | None
) -> dict[str, float]:
    train, test = (
        (pooled_codes(of.tokens, encode, pool=options.pool), of.shown) for of in (setting.train, setting.test)
    )
    floors = floor(train, test, n_draws=options.n_draws, seed=options.seed)
    return {**vars(score(train, test)), **{f"{key}_floor": value for key, value in vars(floors).items()}}


def pooled_codes(
    tokens: Float[Tensor, "n t d"], encode: Callable[[Tensor], SparseCodes] | None, *, pool: Literal["mean", "max"]
) -> Float64[np.ndarray, "n K"]:
    """Mean or largest code of each concept over an image's tokens; without an encoder, the activations themselves."""
    parts = []
    for part in torch.split(tokens, _IMAGES_AT_ONCE):
        flat = part.flatten(0, 1)
        codes = flat if encode is None else encode(flat).dense()
        of_image = codes.view(len(part), tokens.shape[1], -1)
        parts.append(of_image.mean(dim=1) if pool == "mean" else of_image.amax(dim=1))
    return torch.cat(parts).double().numpy()
