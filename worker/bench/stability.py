"""Stability: do trainings on other photos, by other seeds, find the same concepts?"""

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import numpy as np
import torch
from pydantic import Field

from store.settings import Settings
from worker.bench.contenders import Contender, contenders, sizes_of
from worker.bench.results import Bar, Column, Outcome, Table, at_least
from worker.bench.sources import LearningOptions, PhotoTokens, load_tokens
from worker.bench.trials import Steps, run_trial
from worker.device import pick_device
from worker.dictionaries.registry import AnyDictionary
from worker.dictionaries.tokens import MemoryTokens
from worker.metrics.density import Usage, usage_of
from worker.metrics.reconstruction import centred_r2
from worker.metrics.stability import stability
from worker.progress import OnProgress

ABOUT = (
    "Runs with different photos, seeds of first weights, of candidates and of the order of tokens, compared in pairs: "
    "mean cosine of the atoms matched one to one, of concepts that fire on held-out tokens; centred, and with the mean "
    "added back as in the published figure. R² and dead concepts on held-out photos, mean over runs."
)
VARIANTS: Final = (
    "topk-random-start",
    "topk-token-start",
    "archetypal-no-relaxation",
    "archetypal-published-no-projection",
)

ALLOWED_LESS: Final = 0.01


class StabilityOptions(LearningOptions):
    """How many runs, on how many of the photos."""

    n_runs: int = Field(4, ge=2, le=32)
    share: float = Field(0.7, gt=0, le=1, description="share of the training photos that a run sees")
    relaxation: float | None = Field(None, description="of our archetypal dictionary; the spec's own when empty")


@dataclass
class _Runs:
    """What the runs of one contender gave."""

    dictionaries: list[AnyDictionary] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    r2: list[float] = field(default_factory=list)
    r2_train: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def run(options: StabilityOptions, settings: Settings, on_progress: OnProgress) -> Outcome:
    """All runs of every method on the store's tokens."""
    return measure(options, load_tokens(options, settings, on_progress), on_progress=on_progress)


def measure(options: StabilityOptions, photos: PhotoTokens, *, on_progress: OnProgress) -> Outcome:
    """Train every contender ``n_runs`` times and compare the runs in pairs."""
    seeds = [options.seed + number for number in range(options.n_runs)]
    outcome = Outcome(seeds=seeds)
    streams = [photos.stream(subset(photos.train, share=options.share, seed=seed)) for seed in seeds]
    held_out = photos.streams[1]
    chosen = _contenders(options, width=held_out.width)
    steps = Steps(on_progress, len(chosen) * len(seeds))
    rows = []
    for contender in chosen:
        before = steps.done
        with outcome.attempt(contender.name):
            outcome.keep_spec(contender.name, contender.spec)
            runs = _train(contender, streams, held_out, seeds=seeds, steps=steps, device=options.device)
            rows.append({"method": contender.name, **_scores(runs, seed=options.seed)})
        steps.done = before + len(seeds)
    title = f"{options.n_runs} runs, each on {options.share:.0%} of the training photos; {sizes_of(chosen)}"
    outcome.tables.append(Table(title, _COLUMNS, rows))
    outcome.bars += _bars({row["method"]: row for row in rows})
    return outcome


def _bars(rows: dict[str, dict[str, Any]]) -> list[Bar]:
    """Ours against the k-means start and against the published form, and what it may cost."""
    ours, topk, published = (rows.get(name) for name in ("archetypal", "topk", "archetypal-published"))
    bars = []
    if ours and topk:
        gained = ours["stability"] - topk["stability"]
        bars.append(at_least("stability, archetypal less TopK with k-means start", 0.02, measured=gained))
        bars.append(at_least("R² held out, the same", -ALLOWED_LESS, measured=ours["r2"] - topk["r2"]))
    if ours and published:
        gained = ours["stability"] - published["stability"]
        bars.append(at_least("stability, archetypal less as published", 0.0, measured=gained))
    return bars


def subset(images: torch.Tensor, *, share: float, seed: int) -> torch.Tensor:
    """A share of the photos, drawn by the seed, in order."""
    n = max(1, round(share * len(images)))
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:n]
    return images[chosen.sort().values]


_COLUMNS = (
    Column("method", "method"),
    Column("stability", "stability"),
    Column("stability_spread", "±", 3),
    Column("stability_random_atoms", "null: random atoms"),
    Column("matched_share", "matched above .9", 1, percent=True),
    Column("pw_mcc", "PW-MCC"),
    Column("subspace_overlap", "subspaces"),
    Column("stability_uncentred", "uncentred"),
    Column("stability_uncentred_random_atoms", "null, uncentred"),
    Column("r2", "R² held out"),
    Column("r2_train", "R² training photos"),
    Column("dead_share", "dead, held out", 1, percent=True),
    Column("seconds", "s per run", 1),
)


def _contenders(options: StabilityOptions, *, width: int) -> list[Contender]:
    own = {} if options.relaxation is None else {"archetypal": {"relaxation": options.relaxation}}
    return contenders(options.fields, width=width, only=options.methods, variants=VARIANTS, adapted=own, presets=True)


def _train(
    contender: Contender,
    streams: list[MemoryTokens],
    held_out: MemoryTokens,
    *,
    seeds: list[int],
    steps: Steps,
    device: str,
) -> _Runs:
    runs = _Runs()
    for seed, stream in zip(seeds, streams, strict=True):
        seeded = contender.changed(seed=seed, candidate_seed=seed, order_seed=seed)
        trial = run_trial(seeded, stream, steps=steps, device=pick_device(device), note=f", seed {seed}")
        runs.dictionaries.append(trial.dictionary)
        runs.usages.append(usage_of(trial.dictionary, held_out))
        runs.r2.append(centred_r2(trial.dictionary, held_out))
        runs.r2_train.append(centred_r2(trial.dictionary, stream))
        runs.seconds.append(trial.seconds)
        steps.end()
    return runs


def _scores(runs: _Runs, *, seed: int) -> dict[str, Any]:
    """Means over pairs of runs and over runs; the spread is the largest distance of a pair from the mean."""
    pairs = [
        stability(
            runs.dictionaries[a], runs.dictionaries[b], usage=(runs.usages[a], runs.usages[b]), seed=seed + number
        )
        for number, (a, b) in enumerate(combinations(range(len(runs.dictionaries)), 2))
    ]
    means = {key: float(np.mean([pair[key] for pair in pairs])) for key in pairs[0]}
    dead = [1 - float(usage.alive.double().mean()) for usage in runs.usages]
    return {
        **means,
        "stability_spread": max(abs(pair["stability"] - means["stability"]) for pair in pairs),
        "dead_share": float(np.mean(dead)),
        **{name: float(np.mean(getattr(runs, name))) for name in ("r2", "r2_train", "seconds")},
    }
