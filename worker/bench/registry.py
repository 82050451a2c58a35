"""The benchmarks by name, and how one is run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import torch

from store.errors import NotFound
from store.settings import Settings
from worker.bench import effects, identifiability, peers, planted, plausibility, presets, stability, universal
from worker.bench.machine import describe_machine
from worker.bench.options import BenchOptions
from worker.bench.results import Outcome, changed_options
from worker.progress import OnProgress, silent

FORMAT = 1


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: what it is, what it can be told, how long it takes on two quiet cores, and how it runs."""

    name: str
    title: str
    about: str
    options: type[BenchOptions]
    minutes: float
    run: Callable[[Any, Settings, OnProgress], Outcome]


BENCHMARKS: Final[dict[str, Benchmark]] = {
    one.name: one
    for one in (
        Benchmark("planted", "Planted dictionary", planted.ABOUT, planted.PlantedOptions, 5.0, planted.run),
        Benchmark(
            "identifiability",
            "Soft identifiability on collages",
            identifiability.ABOUT,
            identifiability.IdentifiabilityOptions,
            10.0,
            identifiability.run,
        ),
        Benchmark(
            "stability", "Stability over seeds", stability.ABOUT, stability.StabilityOptions, 20.0, stability.run
        ),
        Benchmark(
            "plausibility",
            "Plausibility at the model's own head",
            plausibility.ABOUT,
            plausibility.PlausibilityOptions,
            15.0,
            plausibility.run,
        ),
        Benchmark("presets", "Small presets", presets.ABOUT, presets.PresetsOptions, 5.0, presets.run),
        Benchmark(
            "universal", "Universal dictionaries", universal.ABOUT, universal.UniversalOptions, 10.0, universal.run
        ),
        Benchmark(
            "effects", "What concepts do to predictions", effects.ABOUT, effects.EffectsOptions, 8.0, effects.run
        ),
        Benchmark("peers", "Against overcomplete 0.3.0", peers.ABOUT, peers.PeersOptions, 20.0, peers.run),
    )
}


def get_benchmark(name: str) -> Benchmark:
    """The benchmark of that name; raises ``NotFound`` with the near ones."""
    if name not in BENCHMARKS:
        raise NotFound("benchmark", name, known=BENCHMARKS)
    return BENCHMARKS[name]


def run(
    name: str,
    settings: Settings,
    on_progress: OnProgress = silent,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Run a benchmark with some of its options changed; returns plain JSON values for ``report.markdown``.

    ``on_progress`` takes done, total and a note whose first word is the unit. Keys of the result: ``benchmark``,
    ``title``, ``about``, ``made_at``, ``seconds``, ``machine`` (with threads), ``options`` and ``changed`` (those that
    differ from the defaults), ``seeds``, ``specs`` (name: digest and spec), ``tables``, ``bars``, ``notes`` and
    ``failures`` (name and error of each contender that could not be judged). Raises ``NotFound`` for an unknown
    benchmark or method, ``pydantic.ValidationError`` for options that do not fit, and what preparing the tokens raises.
    """
    benchmark = get_benchmark(name)
    chosen = benchmark.options.model_validate(dict(options or {}))
    made_at, started = datetime.now(UTC), time.perf_counter()
    outcome = benchmark.run(chosen, settings, on_progress)
    return {
        "format": FORMAT,
        "benchmark": name,
        "title": ": ".join(filter(None, (benchmark.title, outcome.subtitle))),
        "about": benchmark.about,
        "made_at": made_at.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 1),
        "machine": {**describe_machine(), "threads": torch.get_num_threads()},
        "options": chosen.as_json(),
        "changed": changed_options(chosen.as_json(), benchmark.options().as_json()),
        **outcome.as_json(),
    }
