"""Concepts of one dictionary side by side: numbers in rows, tiles in columns, what joins each two."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np

from app import urls
from app.makers.beside_pairs import make_pair
from app.makers.beside_photos import make_photos
from app.makers.concept import make_neighbors
from app.makers.concept_effects import importance_rank
from app.makers.concepts import make_card, make_chip
from app.makers.examples import make_examples
from app.params import Param, is_whole, wholes
from app.site import Opened, Site
from app.views.beside import BesideConcept, BesideNumber, BesideView, Suggestion
from app.words import column_number, numbers
from store.atlas.grammar import BadQuery, Fault
from store.vocabulary import Band, Neighbors

MOST: Final = 4
N_TILES: Final = 8
_N_SUGGESTED: Final = 3
_N_IMPORTANT: Final = 12
_NEAR: Final = (Neighbors.DECODER, Neighbors.COACTIVATION, Neighbors.ANTIPODAL)
C: Final = Param(
    "c",
    f"Indices of up to {MOST} concepts, with commas between.",
    schema=wholes(n_most=MOST),
)


def ask_beside(values: Mapping[str, str]) -> tuple[int, ...]:
    """The concepts that are asked for, each once; raises ``BadQuery``."""
    parts = [part.strip() for part in values[C.name].split(",") if part.strip()]
    bad = next((part for part in parts if not is_whole(part)), None)
    if bad is not None:
        raise BadQuery(Fault(C.name, f"'c' is indices of concepts with commas between, like 3,7; not '{bad:.40}'."))
    found = tuple(dict.fromkeys(int(part) for part in parts))
    if len(found) > MOST:
        raise BadQuery(Fault(C.name, f"'c' names up to {MOST} concepts, like c=3,7; here are {len(found)}."))
    return found


def write_beside(concepts: Sequence[int]) -> str:
    """The value of ``c``."""
    return ",".join(str(k) for k in concepts)


def make_beside(site: Site, opened: Opened, concepts: Sequence[int]) -> BesideView:
    """The page of some concepts, or of none yet; raises ``NotFound`` for one that the dictionary does not have."""
    slug = opened.entry.slug
    rows = [opened.atlas.concept(k) for k in concepts]
    names = numbers(universal=opened.atlas.is_universal)
    return BesideView(
        dictionary=slug,
        dictionary_title=opened.entry.title,
        concepts=tuple(_concept(opened, k, concepts) for k in concepts),
        numbers=tuple(_number(name, [row[name] for row in rows]) for name in names),
        pairs=tuple(make_pair(site, opened, a, b) for a, b in combinations(concepts, 2)),
        photos=make_photos(opened, concepts),
        suggestions=_suggestions(opened, concepts) if len(concepts) < MOST else (),
        c=write_beside(concepts),
        form_url=urls.beside(slug),
    )


def _concept(opened: Opened, concept: int, all_: Sequence[int]) -> BesideConcept:
    rest = [k for k in all_ if k != concept]
    return BesideConcept(
        card=make_card(opened, concept),
        rank=importance_rank(opened, concept),
        examples=make_examples(opened, concept, band=Band.TOP, limit=N_TILES),
        without_url=urls.beside(opened.entry.slug, {"c": write_beside(rest)}) if rest else "",
    )


def _number(name: str, values: Sequence[float | None]) -> BesideNumber:
    most = max((abs(value) for value in values if value is not None), default=0.0)
    levels = tuple(abs(value or 0.0) / most if most else 0.0 for value in values)
    return BesideNumber(number=column_number(name), values=tuple(values), levels=levels)


def _suggestions(opened: Opened, concepts: Sequence[int]) -> tuple[Suggestion, ...]:
    """Neighbours of the first, or to begin with the most important concepts."""
    if not concepts:
        return tuple(_important(opened, int(k)) for k in np.argsort(-opened.atlas.columns["importance"])[:_N_IMPORTANT])
    lists = make_neighbors(opened, concepts[0], kinds=_NEAR)
    found: dict[int, Suggestion] = {}
    for near in lists:
        fresh = [one for one in near.neighbors if one.concept.id not in (*concepts, *found)]
        for one in fresh[:_N_SUGGESTED]:
            url = urls.beside(opened.entry.slug, {"c": write_beside((*concepts, one.concept.id))})
            found[one.concept.id] = Suggestion(
                kind=near.kind, label=near.label, value=one.value, concept=one.concept, url=url
            )
    return tuple(found.values())


def _important(opened: Opened, concept: int) -> Suggestion:
    return Suggestion(
        kind="importance",
        label="Importance",
        value=float(opened.atlas.columns["importance"][concept]),
        concept=make_chip(opened, concept),
        url=urls.beside(opened.entry.slug, {"c": str(concept)}),
    )
