"""What an address of the label queue asks for, and the order of concepts that it walks."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from starlette.requests import Request

from app.makers.ranking import ranked_alive
from app.params import Param, as_index, is_whole, read_params, whole, wholes
from app.site import Opened
from store.atlas.grammar import BadQuery, Fault

IMPORTANCE, RANDOM, REVIEW = "importance", "random", "review"
ORDERS: Final = {
    IMPORTANCE: ("Most important", "Concepts that nobody named, most important first."),
    RANDOM: ("By chance", "Concepts that nobody named, in an order drawn by the seed in the address."),
    REVIEW: ("Second look", "Names that no blind test has tried, then names that were only guessed from classes."),
}
SEEDS: Final = 10**6
TRAIL_MAX: Final = 50
"""So many steps back the address remembers."""
PARAMS: Final = (
    Param("order", "Which concepts, in which order.", tuple(ORDERS), IMPORTANCE),
    Param("seed", "Seed of the random order.", schema=whole(0, SEEDS - 1)),
    Param("concept", "The concept to show; otherwise the next one of the order.", schema=whole(0)),
    Param("trail", "Concepts that were passed on this walk, the last one last, with commas between.", schema=wholes()),
    Param("done", "How many were named on this walk.", schema=whole(0)),
)


@dataclass(frozen=True)
class Walk:
    """Where a visitor is in the queue; the address holds all of it."""

    order: str = IMPORTANCE
    seed: int | None = None
    concept: int | None = None
    trail: tuple[int, ...] = ()
    done: int = 0

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The address's query, defaults left out."""
        return (
            ("order", "" if self.order == IMPORTANCE else self.order),
            ("seed", "" if self.seed is None else str(self.seed)),
            ("concept", "" if self.concept is None else str(self.concept)),
            ("trail", ",".join(map(str, self.trail))),
            ("done", str(self.done) if self.done else ""),
        )

    def passed(self, concept: int, *, named: bool) -> "Walk":
        """After a concept was named or skipped."""
        trail = (*(k for k in self.trail if k != concept), concept)[-TRAIL_MAX:]
        return replace(self, concept=None, trail=trail, done=self.done + named)

    def back(self) -> "Walk":
        """One step back."""
        return replace(self, concept=self.trail[-1], trail=self.trail[:-1])


def ask_walk(request: Request, *, display: bool = False) -> Walk:
    """What the address asks for; raises ``BadQuery``. A random order without a seed has one by chance."""
    given = read_params(request, *PARAMS, display=display)
    trail = [part.strip() for part in given["trail"].split(",") if part.strip()]
    bad = next((part for part in trail if not is_whole(part)), None)
    if bad is not None:
        raise BadQuery(Fault("trail", f"'trail' is a list of indices with commas between; '{bad}' is none."))
    seed = as_index("seed", given["seed"])
    if seed is not None and seed >= SEEDS:
        raise BadQuery(Fault("seed", f"'seed' is at most {SEEDS - 1}, not {seed}."))
    if given["order"] == RANDOM and seed is None:
        seed = secrets.randbelow(SEEDS)
    return Walk(
        order=given["order"],
        seed=seed if given["order"] == RANDOM else None,
        concept=as_index("concept", given["concept"]),
        trail=tuple(int(part) for part in trail)[-TRAIL_MAX:],
        done=as_index("done", given["done"]) or 0,
    )


@dataclass(frozen=True)
class Line:
    """The concepts of an order: all of them, and those that it still asks for."""

    whole: list[int]
    left: list[int]

    def coming(self, walk: Walk) -> list[int]:
        """Those that come next: after the last one that was passed, then those before it; none that was passed."""
        passed = set(walk.trail)
        left = [concept for concept in self.left if concept not in passed]
        last = walk.trail[-1] if walk.trail else None
        if last is None or last not in self.whole:
            return left
        place = {concept: number for number, concept in enumerate(self.whole)}
        return sorted(left, key=lambda concept: (place[concept] < place[last], place[concept]))


def make_line(opened: Opened, walk: Walk, *, tested: Collection[str]) -> Line:
    """The order that a walk takes; ``tested`` has the labels whose present text was tested."""
    alive, best = ranked_alive(opened), opened.overlay.best
    if walk.order == REVIEW:
        untested = [k for k in alive if k in best and best[k].uid not in tested]
        guessed = [k for k in alive if k not in best and opened.atlas.columns["label_seed"][k]]
        return Line([*untested, *guessed], [*untested, *guessed])
    if walk.order == RANDOM:
        living = set(alive)
        drawn = np.random.default_rng(walk.seed).permutation(opened.atlas.n_concepts)
        alive = [int(k) for k in drawn if int(k) in living]
    return Line(alive, [k for k in alive if k not in best])
