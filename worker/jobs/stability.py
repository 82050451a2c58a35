"""The stability job: whether trainings that differ only in their seeds found the same concepts."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from store.artifacts import Artifact
from store.errors import InvalidInput
from worker.activations import TokenStream
from worker.dictionaries.files import load_dictionary
from worker.metrics.density import usage_of
from worker.metrics.stability import stability

_SEEDS = ("seed", "order_seed", "candidate_seed")


def measure_stability(
    dictionaries: Sequence[Artifact], held_out: TokenStream, *, on_progress: Callable[[int, int, str], None]
) -> dict[tuple[str, str], dict[str, float]]:
    """All pairs' metrics, by the digests of the two dictionaries.

    Raises ``InvalidInput`` for fewer than two dictionaries, or specs that differ in more than their seeds.
    """
    check_siblings([artifact.manifest.spec for artifact in dictionaries])
    loaded = {artifact.digest: load_dictionary(artifact.folder()) for artifact in dictionaries}
    usage = {digest: usage_of(dictionary, held_out) for digest, dictionary in loaded.items()}
    pairs = list(combinations(loaded, 2))
    found = {}
    for number, (one, other) in enumerate(pairs):
        on_progress(number, len(pairs), "pairs")
        found[one, other] = stability(loaded[one], loaded[other], usage=(usage[one], usage[other]))
    on_progress(len(pairs), len(pairs), "pairs")
    return found


def check_siblings(specs: Sequence[dict[str, Any]]) -> None:
    """Raise ``InvalidInput`` unless there are several specs that differ in nothing but their seeds."""
    if len(specs) < 2:
        raise InvalidInput("Stability needs at least two dictionaries; train another seed (--seed 1) and name both.")
    for spec in specs[1:]:
        differing = sorted(
            key for key in specs[0].keys() | spec.keys() if key not in _SEEDS and specs[0].get(key) != spec.get(key)
        )
        if differing:
            raise InvalidInput(
                f"Stability compares trainings that differ only in their seeds; these differ in {', '.join(differing)}."
            )
    if len({tuple(spec.get(seed) for seed in _SEEDS) for spec in specs}) < len(specs):
        raise InvalidInput("Two of the dictionaries have the same seeds, so they are the same; train another seed.")
