"""What pages and the API ask of an analysis: one reading for both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app import urls
from app.makers.image_asking import ask_image
from app.makers.scenes import Patch
from app.params import PATCH_TEXT, PATCHES_TEXT, Param, as_index, whole
from store.atlas.grammar import BadQuery, Fault
from store.edits import PATTERN, BadEdit, Edits, parse_edits, parse_patches, write_patches

SORTS: Final[tuple[tuple[str, str, str], ...]] = (
    ("pooled", "Mean code", "Mean code over all patches"),
    ("peak", "Peak", "Largest code on a patch"),
    ("surprise", "Surprise", "How few images of the collection have as large a peak, in bits"),
    ("contribution", "Contribution", "What it adds to the score of the predicted class, in logits"),
)
SORT: Final = Param("sort", "Order of the concepts, largest first.", tuple(key for key, _, _ in SORTS), "pooled")
CONCEPT: Final = Param("concept", "Also show the map of this concept.", schema=whole(0))
PATCH: Final = Param("patch", "Also show what fires on this patch: row,col from 0.", schema=PATCH_TEXT)
PAINTED: Final = Param(
    "painted", "Also show what fires on these patches together: 0-3.17, row by row from 0.", schema=PATCHES_TEXT
)
EDITS: Final = Param(
    "edits",
    "Also try these edits: concept_operation_amount_patches, joined by ~.",
    schema={"type": "string", "pattern": PATTERN},
)
MAPS: Final = ("codes", "segments", "contribution", "total", "occlusion", "photo")
LOOKS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("segments", "segments", "Top concepts", "Each patch in the colour of the concept that is strongest there"),
    ("concept", "", "One concept", "One of the maps of the chosen concept"),
    ("total", "total", "Contributions", "What each patch adds to the score of the predicted class, or takes from it"),
    ("photo", "photo", "Photo only", "Nothing but the photo"),
)
"""Key, value of ``map``, label and meaning of the ways to look at the photo."""
OF_ONE: Final = ("contribution", "occlusion")
"""Maps that need a chosen concept."""
MAP: Final = Param(
    "map",
    "What the photo shows: the strongest concept of each patch (segments), the chosen concept's codes, what it adds to "
    "the score of the predicted class (contribution), what is really lost without it (occlusion: the encoder is "
    "asked), what all concepts together add (total), or nothing (photo). Codes where a concept is chosen, otherwise "
    "segments.",
    MAPS,
)
STREAM: Final = Param(
    "stream",
    "Of a universal dictionary: as which of its models sees the photo, from 1; all together when empty.",
    schema=whole(0),
)
BESIDE: Final = Param("beside", "All dictionaries side by side.", ("1",))


ASKS_THE_ENCODER: Final = (("edits", ""), ("map", "occlusion"))
"""Parameters with which a look at what is kept becomes work, as limits count it."""
NO_EDITS: Final = Edits()


def dictionary_param(name: str) -> Param:
    """Which of the dictionaries; it has a short name in pages' addresses."""
    return Param(name, "Slug of one of the dictionaries that were asked for.")


@dataclass(frozen=True)
class AnalysisAsked:
    """Dictionary, order, concept, patch, painted patches, edits, and what the photo shows."""

    dictionary: str = ""
    sort: str = "pooled"
    concept: int | None = None
    patch: Patch | None = None
    painted: tuple[int, ...] = ()
    edits: Edits = NO_EDITS
    map: str = ""
    stream: int = 0
    is_beside: bool = False

    @property
    def shown(self) -> str:
        """What the photo shows."""
        return self.map or ("segments" if self.concept is None and self.patch is None else "codes")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Canonical parameters, as pages have them."""
        return (
            ("d", self.dictionary),
            ("stream", str(self.stream or "")),
            ("sort", "" if self.sort == "pooled" else self.sort),
            ("concept", "" if self.concept is None else str(self.concept)),
            ("patch", f"{self.patch[0]},{self.patch[1]}" if self.patch else ""),
            ("painted", write_patches(self.painted)),
            ("map", self.map),
            ("edits", self.edits.text),
            ("beside", "1" if self.is_beside else ""),
        )

    def but(self, **changes: Any) -> "AnalysisAsked":
        """The same with something else."""
        return replace(self, **changes)

    def url(self, public_id: str, **changes: Any) -> str:
        """The page that shows this, with something else."""
        return urls.analysis(public_id, query=self.but(**changes).pairs)


def ask_analysis(values: Mapping[str, str], *, dictionary: str) -> AnalysisAsked:
    """From parameters that were read; raises ``BadQuery`` and ``BadEdit``."""
    concept, patch = ask_image(dict(values))
    if values.get("map") in OF_ONE and concept is None:
        raise BadQuery(Fault("map", f"'map={values['map']}' is of one concept: name it by 'concept'."))
    return AnalysisAsked(
        dictionary=dictionary,
        sort=values["sort"],
        concept=concept,
        patch=patch,
        painted=_painted(values.get("painted", "")),
        edits=parse_edits(values["edits"]),
        map=values.get("map", ""),
        stream=as_index("stream", values.get("stream", "")) or 0,
        is_beside=values.get("beside") == "1",
    )


def _painted(text: str) -> tuple[int, ...]:
    try:
        return parse_patches(text)
    except BadEdit as fault:
        raise BadQuery(Fault("painted", f"'painted' is patches from 0, like 0-3.17; not '{text:.40}'.")) from fault
