"""One training step of RA-SAE as published against one of our archetypal dictionary, equal in all but the mixture.

    python -m benchmarks.archetypal_step [--n-concepts 2000 --n-candidates 32000 --width 384 --n-active 16 ...]

Both are this project's own: ``archetypal-published`` is the published equations (arXiv 2502.12892), a dense row of
weights per atom under Adam, clipped and renormalised. It makes its atoms once a step, as our trainer asks; the
published library makes them twice, once to decode and once for the loss, and projects each time it does, which
``published_twice`` adds. All learn by the same trainer step (encoder, TopK, decoder, clipping, Adam) from the same
synthetic tokens, some of which are the candidates: k-means would take minutes and is no part of a step. A round is one
step of each of the published and some of ours, one after the other. On one thread: with more, the many small operations
of ours wait for whatever else the machine does, and the few large ones of the others do not. Bytes of the mixture count
weights, and for ours the numbers of the candidates that each atom owns; gradient and moments of Adam multiply the
weights' by four. Prints one JSON object.
"""

import argparse
import math
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.machine import emit
from store.methods import ArchetypalSpec, PublishedArchetypalSpec
from worker.dictionaries.archetypal import ArchetypalDictionary
from worker.dictionaries.archetypal_published import PublishedArchetypalDictionary
from worker.dictionaries.learned import LearnedDictionary
from worker.dictionaries.starts import tie_encoder
from worker.training.learners import GradientLearner

BAR = {"speed_ratio": 10.0, "parameter_ratio": 50.0, "byte_ratio": 50.0}
SIZES = {"width": 384, "n_concepts": 2000, "n_candidates": 32_000, "n_active": 16, "batch_tokens": 1024}
TIMES = {"threads": 1, "rounds": 5, "steps": 10, "seed": 0}
SPEC_FIELDS = ("n_concepts", "n_candidates", "n_active", "batch_tokens")


class TwiceMade(PublishedArchetypalDictionary):
    """Projects and makes its atoms once more than a step needs, as the published library does."""

    def make_atoms(self) -> Tensor:
        """The atoms, for the second time."""
        with torch.no_grad():
            self.project()
            super().make_atoms()
        return super().make_atoms()


def main() -> None:
    """Take turns and print the comparison."""
    options = parsed()
    torch.set_num_threads(options.threads)
    tokens = synthetic(options)
    learners = {name: make(options, tokens) for name, make in SIDES.items()}
    batches = torch.split(tokens[: len(tokens) // options.batch_tokens * options.batch_tokens], options.batch_tokens)
    rounds = [one_round(learners, batches, number, steps=options.steps) for number in range(options.rounds + 1)][1:]
    weights = {name: weights_of(learner.dictionary) for name, learner in learners.items()}
    emit({"request": vars(options), **compared(rounds, weights)})


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {**SIZES, **TIMES}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    return parser.parse_args()


def synthetic(options: argparse.Namespace) -> Tensor:
    """Sums of ``n_active`` of as many random unit atoms as there are concepts, in random order."""
    generator = torch.Generator().manual_seed(options.seed)
    atoms = functional.normalize(torch.randn(options.n_concepts, options.width, generator=generator), dim=1)
    shape = (max(options.n_candidates, options.batch_tokens), options.n_active)
    chosen = torch.randint(options.n_concepts, shape, generator=generator)
    codes = torch.rand(shape, generator=generator) + 0.25
    tokens = functional.embedding_bag(chosen, atoms, per_sample_weights=codes, mode="sum")
    tokens -= tokens.mean(dim=0)
    return tokens / tokens.square().mean().sqrt()


def make_ours(options: argparse.Namespace, tokens: Tensor) -> GradientLearner:
    """Our dictionary with its default settings; each atom starts at a token and owns its nearest candidates."""
    spec = ArchetypalSpec(**{name: getattr(options, name) for name in SPEC_FIELDS})
    dictionary = ArchetypalDictionary(spec, options.width)
    dictionary.candidates.copy_(functional.normalize(tokens[: options.n_candidates], dim=1))
    first = dictionary.candidates[: options.n_concepts]
    dictionary.owned.copy_((first @ dictionary.candidates.t()).topk(spec.n_mixed, dim=1).indices)
    with torch.no_grad():
        dictionary.decoder.copy_(dictionary.make_archetypes())
    return learner_of(dictionary, tokens)


def make_published(
    options: argparse.Namespace, tokens: Tensor, *, kind: type[PublishedArchetypalDictionary]
) -> GradientLearner:
    """The published one; each atom starts at a token, which is the candidate of the same number."""
    spec = PublishedArchetypalSpec(**{name: getattr(options, name) for name in SPEC_FIELDS})
    dictionary = kind(spec, options.width)
    dictionary.candidates.copy_(tokens[: options.n_candidates])
    return learner_of(dictionary, tokens)


SIDES: dict[str, Callable[[argparse.Namespace, Tensor], GradientLearner]] = {
    "ours": make_ours,
    "published_once": lambda options, tokens: make_published(options, tokens, kind=PublishedArchetypalDictionary),
    "published_twice": lambda options, tokens: make_published(options, tokens, kind=TwiceMade),
}


def learner_of(dictionary: LearnedDictionary, tokens: Tensor) -> GradientLearner:
    """What trains a dictionary; the number of tokens matters to the learning rate alone."""
    assert isinstance(dictionary, ArchetypalDictionary | PublishedArchetypalDictionary)
    tie_encoder(dictionary, tokens)
    return GradientLearner(dictionary, tokens_total=1000 * len(tokens), norm_limit=math.inf)


class Times(NamedTuple):
    """Of one step, in seconds: on the clock, and of the processor, which others' work lengthens less."""

    clock: float
    cpu: float


def one_round(
    learners: dict[str, GradientLearner], batches: tuple[Tensor, ...], number: int, *, steps: int
) -> dict[str, Times]:
    """A step of each."""
    seconds = {}
    for name, learner in learners.items():
        n_steps = steps if name == "ours" else 1
        started, busy = time.perf_counter(), time.process_time()
        for step in range(n_steps):
            learner.take(batches[(number * n_steps + step) % len(batches)])
        ended = Times(time.perf_counter() - started, time.process_time() - busy)
        seconds[name] = Times(ended.clock / n_steps, ended.cpu / n_steps)
    return seconds


def weights_of(dictionary: LearnedDictionary) -> dict[str, int]:
    """Parameters and bytes of what says how atoms are mixed."""
    if isinstance(dictionary, ArchetypalDictionary):
        parts = [dictionary.logits, dictionary.owned]
    else:
        assert isinstance(dictionary, PublishedArchetypalDictionary)
        parts = [dictionary.weights]
    return {"mixture_parameters": parts[0].numel(), "mixture_bytes": sum(p.numel() * p.element_size() for p in parts)}


def compared(rounds: list[dict[str, Times]], weights: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Times, ratios of each round, weights, and whether the bar is met by the faster of the published ones."""
    sides = {
        name: {
            "step_ms": 1e3 * median(one[name].clock for one in rounds),
            "step_cpu_ms": 1e3 * median(one[name].cpu for one in rounds),
            **told,
        }
        for name, told in weights.items()
    }
    speed = {name: [one[name].clock / one["ours"].clock for one in rounds] for name in sides if name != "ours"}
    cpu = {name: [one[name].cpu / one["ours"].cpu for one in rounds] for name in speed}
    ours, theirs = weights["ours"], weights["published_once"]
    ratios = {
        "speed_ratio": min(median(of) for of in speed.values()),
        "parameter_ratio": theirs["mixture_parameters"] / ours["mixture_parameters"],
        "byte_ratio": theirs["mixture_bytes"] / ours["mixture_bytes"],
    }
    return {
        **sides,
        "speed_ratios": {name: [round(ratio, 2) for ratio in of] for name, of in speed.items()},
        "cpu_time_ratio": {name: median(of) for name, of in cpu.items()},
        **ratios,
        "bar": BAR,
        "bar_met": all(ratios[name] >= least for name, least in BAR.items()),
    }


if __name__ == "__main__":
    main()
