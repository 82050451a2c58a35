"""One concept's map on a visitor's photo."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.makers.analysis_found import place_of
from app.pictures import Map
from app.site import Site
from store.errors import NotFound


@dataclass(frozen=True)
class ConceptMap:
    """Codes float32 ``[rows cols]``."""

    codes: np.ndarray[Any, Any]

    @property
    def shades(self) -> Map:
        """The same from 0 to 255, which is the largest code."""
        largest = float(self.codes.max(initial=0)) or 1.0
        return np.rint(self.codes / largest * 255).astype(np.uint8)


def map_of(site: Site, public_id: str, dictionary: str, concept: int) -> ConceptMap:
    """The map of a concept in one of the dictionaries; raises ``NotFound``."""
    analysis = site.keeper.get(public_id)
    place = place_of(analysis, dictionary)
    facts = analysis.result.dictionaries[place].facts
    if not 0 <= concept < facts.n_concepts:
        remedy = f"This dictionary has the concepts 0 to {facts.n_concepts - 1}."
        raise NotFound("concept", str(concept), remedy=remedy)
    codes = site.keeper.files.codes(public_id, place).map_of(concept)
    return ConceptMap(codes.reshape(facts.grid_rows, facts.grid_cols))
