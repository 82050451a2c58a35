"""Plausibility: how near atoms come to the directions by which the model's own head tells classes apart."""

from typing import Any, Final

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from store.errors import InvalidInput
from store.settings import Settings
from worker.bench.contenders import Contender, contenders, sizes_of
from worker.bench.results import Column, Outcome, Table
from worker.bench.sources import LearningOptions, load_tokens
from worker.bench.trials import Steps, run_trial
from worker.device import pick_device
from worker.dictionaries.tokens import MemoryTokens
from worker.metrics.density import usage_of
from worker.metrics.head import centred_rows, plausibility
from worker.metrics.nulls import random_atoms
from worker.metrics.reconstruction import centred_r2
from worker.models.base import LinearHead
from worker.progress import OnProgress

ABOUT = (
    "At the layer that only a mean and a linear map follow: mean over the model's classes of the largest cosine "
    "between the class's row of the head and an atom, beside as many random directions and as many training tokens; "
    "with the rows' common mean taken out (it decides nothing), and as published, with it."
)
VARIANTS: Final = ("topk-random-start", "archetypal-no-relaxation", "archetypal-published-no-projection")


class PlausibilityOptions(LearningOptions):
    """Which sizes are compared; half of the demo's input size keeps a run short."""

    layer: str = "final"
    height_px: int = 224
    width_px: int = 384
    sizes: tuple[int, ...] = Field((384, 1024), min_length=1, description="numbers of concepts")
    n_concepts: None = None  # ``sizes`` says it
    n_active: int | None = 16
    n_candidates: int | None = 2048


def run(options: PlausibilityOptions, settings: Settings, on_progress: OnProgress) -> Outcome:
    """Every method at every size, on the store's tokens, against the model's head."""
    photos = load_tokens(options, settings, on_progress)
    head = options.load_model().linear_head(options.layer)
    if head is None:
        raise InvalidInput(
            f"Plausibility needs a layer that only a mean and a linear map follow, and {options.model} {options.layer} "
            "is none; use layer=final of an EfficientNet-Lite."
        )
    return measure(options, *photos.streams, head=head, on_progress=on_progress)


def measure(
    options: PlausibilityOptions,
    train: MemoryTokens,
    held_out: MemoryTokens,
    *,
    head: LinearHead,
    on_progress: OnProgress,
) -> Outcome:
    """One table for each size."""
    outcome = Outcome(seeds=[options.seed])
    chosen = {size: _contenders(options, size, width=train.width) for size in options.sizes}
    steps = Steps(on_progress, sum(map(len, chosen.values())))
    for size, some in chosen.items():
        rows = []
        for contender in some:
            with outcome.attempt(f"{contender.name}, {size} concepts"):
                row = _row(contender, train, held_out, head=head, steps=steps, device=options.device)
                rows.append({"method": contender.name, **row})
                outcome.keep_spec(f"{contender.name}, {size} concepts", contender.spec)
            steps.end()
        rows += _references(train, size, head=head, seed=options.seed)
        outcome.tables.append(Table(sizes_of(some), _COLUMNS, rows))
    return outcome


_COLUMNS = (
    Column("method", "method"),
    Column("plausibility", "plausibility"),
    Column("plausibility_uncentred", "as published"),
    Column("r2", "R² held out"),
    Column("l0", "L0", 1),
    Column("dead_share", "dead, held out", 1, percent=True),
    Column("seconds", "training, s", 1),
)


def _contenders(options: PlausibilityOptions, size: int, *, width: int) -> list[Contender]:
    fields = options.fields | {"n_concepts": size, "seed": options.seed, "candidate_seed": options.seed}
    return contenders(fields, width=width, only=options.methods, variants=VARIANTS, presets=True)


def _row(
    contender: Contender,
    train: MemoryTokens,
    held_out: MemoryTokens,
    *,
    head: LinearHead,
    steps: Steps,
    device: str,
) -> dict[str, float]:
    trial = run_trial(
        contender, train, steps=steps, device=pick_device(device), note=f", {contender.spec.n_concepts} concepts"
    )
    usage = usage_of(trial.dictionary, held_out)
    return {
        **_scores(trial.dictionary.atoms, head),
        "r2": centred_r2(trial.dictionary, held_out),
        "l0": usage.l0,
        "dead_share": 1 - float(usage.alive.double().mean()),
        "seconds": trial.seconds,
    }


def _scores(atoms: Float[Tensor, "K d"], head: LinearHead) -> dict[str, float]:
    return {
        "plausibility": plausibility(atoms, centred_rows(head)),
        "plausibility_uncentred": plausibility(atoms, head.weight),
    }


def _references(train: MemoryTokens, size: int, *, head: LinearHead, seed: int) -> list[dict[str, Any]]:
    drawn = torch.randperm(train.n_tokens, generator=torch.Generator().manual_seed(seed))[:size]
    atoms = {
        "null: random directions": random_atoms(size, train.width, seed=seed),
        "null: tokens": torch.nn.functional.normalize(train.tokens[drawn] - train.mean, dim=1),
    }
    return [{"method": name, **_scores(rows, head)} for name, rows in atoms.items()]
