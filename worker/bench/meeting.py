"""Finding the setting at which a method has a wanted number of codes per token, and what it is worth there."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

CLOSE = 0.03  # relative distance of L0 at which a search is content
_STEP = 3.0
_TRIES = 7


@runtime_checkable
class Run(Protocol):
    """Anything with an L0 and an R2."""

    @property
    def l0(self) -> float:
        """Mean number of codes per token."""

    @property
    def r2(self) -> float:
        """Centred held-out R2."""


R = TypeVar("R", bound=Run)


def search(attempt: Callable[[float], R], *, wanted: float, start: float, rising: bool, tries: int = _TRIES) -> list[R]:
    """Runs at settings ever nearer to the wanted L0: steps of a factor 3 until it lies between two, then in between.

    L0 rises or falls with the setting. In between means the geometric interpolation of the setting in log L0. Ends
    when an L0 is within 3 % of the wanted one, or after ``tries`` runs.
    """
    setting, tried = start, []
    runs: list[R] = []
    while len(runs) < tries:
        run = attempt(setting)
        runs.append(run)
        tried.append((setting, max(run.l0, 1e-3)))
        if abs(run.l0 - wanted) <= CLOSE * wanted:
            break
        below = [pair for pair in tried if pair[1] < wanted]
        above = [pair for pair in tried if pair[1] >= wanted]
        if below and above:
            setting = _between(max(below, key=lambda p: p[1]), min(above, key=lambda p: p[1]), wanted)
        else:
            setting = setting * _STEP if bool(below) == rising else setting / _STEP
    return runs


def r2_at(runs: Sequence[Run], wanted: float) -> float:
    """R2 at the wanted L0: linear in log L0 between the nearest run below and above, else that of the nearest run."""
    below = [run for run in runs if run.l0 <= wanted]
    above = [run for run in runs if run.l0 > wanted]
    if not below or not above:
        return nearest(runs, wanted).r2
    low, high = max(below, key=lambda run: run.l0), min(above, key=lambda run: run.l0)
    if low.l0 <= 0:
        return high.r2
    share = math.log(wanted / low.l0) / math.log(high.l0 / low.l0)
    return low.r2 + share * (high.r2 - low.r2)


def nearest(runs: Sequence[R], wanted: float) -> R:
    """The run whose L0 is nearest in ratio."""
    return min(runs, key=lambda run: abs(math.log(max(run.l0, 1e-3) / wanted)))


def _between(low: tuple[float, float], high: tuple[float, float], wanted: float) -> float:
    share = math.log(wanted / low[1]) / math.log(high[1] / low[1])
    share = min(max(share, 0.1), 0.9)  # a step that is worth a run
    return math.exp(math.log(low[0]) + share * (math.log(high[0]) - math.log(low[0])))
