"""What a concept does: its weight among all concepts, and the predicted classes that it speaks for and against."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from app import bars
from app.access.who import may_now
from app.makers.class_pairs import contrast_error, output_links
from app.makers.classes import class_name, photos_of, why_missing
from app.site import Opened
from app.views.evidence import ConceptEffect, ConceptEffects
from store.atlas.reader import Row
from store.vocabulary import Scope

N_EFFECTS: Final = 6
_N_PHOTOS: Final = 2
_NUMBERS: Final = ("n_images", "n_kept", "importance", "standard_error", "contrast", "leading")


def make_effects(opened: Opened, concept: int, rows: Sequence[Row], *, strongest: Row | None) -> ConceptEffects:
    """Rank by importance; the largest contrasts to both sides with photos of their classes, on one scale.

    ``rows`` are all predicted classes for which the concept matters, ``strongest`` is its first example.
    """
    supports = [row for row in rows if row["contrast"] > 0][:N_EFFECTS]
    opposes = [row for row in rows if row["contrast"] < 0][:N_EFFECTS]
    drawn = _effects(opened, [*supports, *opposes])
    return ConceptEffects(
        rank=importance_rank(opened, concept),
        n_concepts=opened.atlas.n_concepts,
        n_classes=len(rows),
        n_leading=sum(row["rank"] == 0 for row in rows),
        n_images_led=sum(row["leading"] for row in rows),
        supports=drawn[: len(supports)],
        opposes=drawn[len(supports) :],
        missing="" if opened.atlas.outputs else why_missing(opened),
        edit_image=strongest["id"] if strongest else None,
        may_edit=may_now(Scope.ANALYSE),
    )


def importance_rank(opened: Opened, concept: int) -> int | None:
    """Place by importance among all concepts, from 1; equal ones share the better place. None of a silent one."""
    columns = opened.atlas.columns
    if not columns["n_images"][concept]:
        return None
    values = columns["importance"]
    return 1 + int(np.count_nonzero(values > values[concept]))


def _effects(opened: Opened, rows: Sequence[Row]) -> tuple[ConceptEffect, ...]:
    errors = [contrast_error(row) for row in rows]
    drawn = bars.whiskers([row["contrast"] for row in rows], errors)
    photos = photos_of(opened, [row["output"] for row in rows], limit=_N_PHOTOS)
    return tuple(
        ConceptEffect(
            output=row["output"],
            class_name=class_name(row),
            rank=row["rank"] + 1,
            photos=photos.get(row["output"], ()),
            bar=bar,
            links=output_links(opened.entry.slug, row["output"]),
            **{name: row[name] for name in _NUMBERS},
        )
        for row, bar in zip(rows, drawn, strict=True)
    )
