"""Planted dictionary: tokens are sparse sums of known atoms; which method finds them?"""

from collections.abc import Mapping
from typing import Any, Final

import torch
from pydantic import Field
from torch import Tensor

from store.settings import Settings
from worker.bench.contenders import Contender, contenders
from worker.bench.options import BenchOptions
from worker.bench.planting import Planted, PlantedTokens, recovery
from worker.bench.results import Column, Outcome, Table, at_least
from worker.bench.trials import Steps, run_trial
from worker.device import pick_device
from worker.dictionaries.tokens import MemoryTokens
from worker.metrics.nulls import FixedAtoms, fit_gain, random_atoms
from worker.metrics.reconstruction import centred_r2
from worker.progress import OnProgress

ABOUT = (
    "Tokens are sparse sums of known unit atoms. MCC: mean cosine of the known atoms with their partners in the best "
    "one-to-one matching; recovered: share of them above 0.9; F1: of which atoms are in which token, on fresh tokens; "
    "R² on fresh tokens."
)
VARIANTS: Final = ("archetypal-no-relaxation",)
BAR, BAR_METHODS = 0.95, ("topk", "batchtopk", "archetypal")
# Centroids of sums of 8 atoms hold several atoms each: only mixtures of many single one out.
ADAPTED: Final[Mapping[str, Mapping[str, Any]]] = {"archetypal": {"n_candidates": 4096, "n_mixed": 128}}


class PlantedOptions(BenchOptions):
    """How the tokens are made, and how long to learn from them."""

    n_atoms: int = Field(512, ge=2, description="known atoms; more of them than dimensions are in superposition")
    width: int = Field(128, ge=2, description="dimensions")
    n_active: int = Field(8, ge=1, description="atoms per token, and codes per token of the dictionaries")
    n_concepts: int = Field(0, ge=0, description="concepts of the dictionaries; 0 = as many as atoms")
    noise: float = Field(0.0, ge=0, description="root mean square of the noise, relative to that of the tokens")
    correlation: float = Field(0.0, ge=0, lt=1, description="share of a token's atoms from one block")
    n_blocks: int = Field(32, ge=1, description="blocks of atoms that occur together")
    tail: float = Field(0.0, ge=0, description="exponent by which densities fall with their rank; 0 = all equal")
    n_tokens: int = Field(50_000, ge=100)
    n_fresh: int = Field(10_000, ge=100, description="tokens that only judge")
    epochs: int = Field(10, ge=1)
    batch_tokens: int = Field(512, ge=1)
    lr: float = Field(1e-2, gt=0)
    aux_weight: float = Field(0.25, ge=0)
    dead_after: float = Field(0.05, gt=0, description="epochs of silence after which a concept is dead")


def run(options: PlantedOptions, _: Settings, on_progress: OnProgress) -> Outcome:
    """Every method on the same tokens; needs nothing of a store."""
    named = ("n_atoms", "width", "n_active", "noise", "correlation", "n_blocks", "tail", "seed")
    planted = Planted(**{name: getattr(options, name) for name in named})
    stream = MemoryTokens(planted.draw(options.n_tokens, seed=options.seed + 1).tokens)
    fresh = planted.draw(options.n_fresh, seed=options.seed + 2)
    chosen = _contenders(options)
    outcome = Outcome(seeds=[options.seed])
    rows = []
    steps = Steps(on_progress, len(chosen))
    for contender in chosen:
        with outcome.attempt(contender.name):
            rows.append(_row(contender, stream, planted.atoms, fresh=fresh, steps=steps, device=options.device))
            outcome.keep_spec(contender.name, contender.spec)
        steps.end()
    rows += _references(options, stream, planted.atoms, fresh=fresh)
    outcome.tables.append(Table(_title(options), _COLUMNS, rows))
    outcome.subtitle = _subtitle(options)
    scores = {row["method"]: row["mcc"] for row in rows}
    outcome.bars += [at_least(f"MCC of {name}", BAR, measured=scores[name]) for name in BAR_METHODS if name in scores]
    return outcome


_COLUMNS = (
    Column("method", "method"),
    Column("mcc", "MCC"),
    Column("recovered_share", "recovered", 1, percent=True),
    Column("f1", "F1 of supports"),
    Column("r2", "R²"),
    Column("dead_share", "dead", 1, percent=True),
    Column("seconds", "training, s", 1),
)


def _contenders(options: PlantedOptions) -> list[Contender]:
    fields = {
        "n_concepts": options.n_concepts or options.n_atoms,
        "dead_after_tokens": max(round(options.dead_after * options.n_tokens), 1),
        **{name: getattr(options, name) for name in ("n_active", "epochs", "batch_tokens", "lr", "aux_weight", "seed")},
    }
    return contenders(fields, width=options.width, only=options.methods, variants=VARIANTS, adapted=ADAPTED)


def _row(
    contender: Contender,
    stream: MemoryTokens,
    truth: Tensor,
    *,
    fresh: PlantedTokens,
    steps: Steps,
    device: str,
) -> dict[str, Any]:
    trial = run_trial(contender, stream, steps=steps, device=pick_device(device))
    dictionary = trial.dictionary
    found = recovery(dictionary.atoms, truth, encode=dictionary.encode, fresh=fresh)
    judged = MemoryTokens(fresh.tokens, mean=stream.mean, std=stream.std)
    fired = torch.zeros(dictionary.n_concepts, dtype=torch.bool)
    for part in torch.split(fresh.tokens, 4096):
        codes = dictionary.encode(part)
        fired[codes.indices[codes.values > 0]] = True
    return {
        "method": contender.name,
        **vars(found),
        "r2": centred_r2(dictionary, judged),
        "dead_share": 1 - float(fired.double().mean()),
        "seconds": trial.seconds,
    }


def _references(
    options: PlantedOptions, stream: MemoryTokens, truth: Tensor, *, fresh: PlantedTokens
) -> list[dict[str, Any]]:
    """Atoms that nobody learned: random ones, tokens, and the known ones themselves with the plainest encoder."""
    n_concepts = options.n_concepts or options.n_atoms
    order = torch.randperm(stream.n_tokens, generator=torch.Generator().manual_seed(options.seed))[:n_concepts]
    tokens = torch.nn.functional.normalize(stream.tokens[order] - stream.mean, dim=1)
    known = {
        "null: random atoms": random_atoms(n_concepts, options.width, seed=options.seed),
        "null: tokens as atoms": tokens,
        "the known atoms, largest products": truth,
    }
    judged = MemoryTokens(fresh.tokens, mean=stream.mean, std=stream.std)
    rows = []
    for name, atoms in known.items():
        fixed = FixedAtoms(atoms, stream.mean, options.n_active)
        found = recovery(atoms, truth, encode=fixed.encode, fresh=fresh)
        rows.append({"method": name, **vars(found), "r2": fit_gain(fixed, judged).r2})
    return rows


def _title(options: PlantedOptions) -> str:
    told = ", ".join(_extras(options)) or "no noise"
    return f"{options.n_atoms} atoms in {options.width} dimensions, {options.n_active} active, {told}"


def _subtitle(options: PlantedOptions) -> str:
    """What makes the tokens harder than those of the benchmark as it is shipped."""
    usual = PlantedOptions()
    crowded = options.n_atoms / options.width > usual.n_atoms / usual.width
    return ", ".join([*([f"{options.n_atoms} atoms"] if crowded else []), *_extras(options)])


def _extras(options: PlantedOptions) -> list[str]:
    return [f"{name} {value:g}" for name in ("noise", "correlation", "tail") if (value := getattr(options, name))]
