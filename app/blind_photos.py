"""Which photos a blind test shows: some on which a concept fires strongly, some on which it is silent."""

from collections.abc import Collection, Iterable, Sequence
from random import Random
from typing import Final

from app.site import Opened
from store.atlas.reader import Row
from store.blind import N_ACTIVE, N_TILES
from store.catalog.label_tests import Drawn
from store.errors import Conflict
from store.vocabulary import Band

N_SHOWN: Final = {Band.TOP: 12, Band.NEAR_MISS: 6}
"""Photos of each band that the label queue shows: a test takes others as long as there are any."""
_STRONG: Final = (Band.TOP, Band.Q99, Band.Q95)
_WEAKER: Final = (Band.Q75, Band.Q50)
_SILENT: Final = (Band.NEAR_MISS, Band.RANDOM)


def draw_photos(opened: Opened, concept: int, *, rng: Random, avoid: Collection[str] = ()) -> list[Drawn]:
    """The photos of a test in the order in which they are shown; ``avoid`` has ids of photos shown before.

    Half of the silent ones are near misses, half come from photos drawn by chance. Raises ``Conflict`` where a concept
    has too few of either.
    """
    found = opened.atlas.examples_of(concept, tuple(Band))
    known = set(avoid) | {row["id"] for band, n in N_SHOWN.items() for row in found[band][:n]}
    strong = _distinct(row for band in _STRONG for row in found[band] if row["value"] > 0)
    weaker = _distinct(row for band in _WEAKER for row in found[band] if row["value"] > 0)
    taken = _take(strong, N_ACTIVE, rng=rng, known=known)
    taken += _take(_less(weaker, taken), N_ACTIVE - len(taken), rng=rng, known=known)
    pools = [_distinct(row for row in found[band] if row["value"] == 0) for band in _SILENT]
    n_silent = N_TILES - N_ACTIVE
    silent = _take(pools[0], n_silent // 2, rng=rng, known=known)
    silent += _take(_less(pools[1], silent), n_silent - len(silent), rng=rng, known=known)
    silent += _take(_less(pools[0], silent), n_silent - len(silent), rng=rng, known=known)
    if len(taken) < N_ACTIVE or len(silent) < n_silent:
        raise Conflict(
            f"A test needs {N_ACTIVE} photos on which the concept fires and {n_silent} on which it is silent; the "
            f"atlas keeps {len(taken)} and {len(silent)} of this one. Test another label."
        )
    photos = [_drawn(row) for row in (*taken, *silent)]
    rng.shuffle(photos)
    return photos


def _take(rows: Sequence[Row], n: int, *, rng: Random, known: Collection[str]) -> list[Row]:
    """Rows by chance, those that nobody was shown before the others."""
    shuffled = rng.sample(rows, len(rows))
    return sorted(shuffled, key=lambda row: row["id"] in known)[: max(n, 0)]


def _distinct(rows: Iterable[Row]) -> list[Row]:
    return list({row["id"]: row for row in rows}.values())


def _less(rows: Iterable[Row], taken: Iterable[Row]) -> list[Row]:
    gone = {row["id"] for row in taken}
    return [row for row in rows if row["id"] not in gone]


def _drawn(row: Row) -> Drawn:
    return Drawn(row["id"], row["band"], row["rank"], fires=row["value"] > 0)
