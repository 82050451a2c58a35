"""A concept chosen on a visitor's photo: its numbers, where it adds or takes, and what is lost without it."""

from pydantic import Field

from app.views.base import Choice, View
from app.views.concepts import ConceptChip


class SignedMap(View):
    """What each patch adds to the score of the predicted class (below 0: takes from it), in logits."""

    concept: int | None = Field(description="None for all concepts together")
    total: float = Field(description="sum over all patches")
    scale: float = Field(description="size of the largest value")
    map: tuple[tuple[float, ...], ...] = Field(description="logits, row by row")
    uri: str = Field(exclude=True, description="data: URI, grey PNG, 128 = 0, 255 = scale, 1 = -scale")
    shades: tuple[int, ...] = Field(exclude=True, description="the same for script: -127 to 127, row by row")
    says: str = Field(exclude=True)


class LostTerm(View):
    """A concept's contribution beside what is lost without it."""

    concept: int
    name: str
    contribution: float | None
    lost: float
    show_url: str = Field(exclude=True)
    bars: tuple[float, float] = Field(exclude=True, description="both as shares of the largest size, in [-1, 1]")


class OcclusionView(View):
    """What the score of the predicted class really loses when a concept is taken away, in logits above the mean."""

    concept: int
    target: str = Field(description="the predicted class")
    method: str = Field(description="how contributions were found: exact, integrated")
    contribution: float | None
    lost: float | None = Field(description="y(photo) - y(photo less the concept)")
    map: SignedMap | None = Field(description="the same with the concept taken from each patch by itself")
    no_map: str = Field("", description="why there is no map")
    terms: tuple[LostTerm, ...] = Field((), description="it and the largest contributions")
    fault: str = Field("", exclude=True, description="why nothing is known")


class ChosenView(View):
    """The chosen concept: also ``analysis/_concept.html``."""

    concept: ConceptChip
    pooled: float = Field(description="mean code over all patches")
    peak: float
    percentile: float | None = Field(description="share of the collection's images whose peak is below; None if silent")
    contribution: float | None = Field(description="to the score of the predicted class, in logits")
    occlusion: OcclusionView | None = Field(description="set by map=occlusion")
    maps: tuple[Choice, ...] = Field(exclude=True, description="what the photo can show of it")
    contributions: SignedMap | None = Field(None, exclude=True, description="where it adds to the score")
    missing: str = Field("", exclude=True, description="why there are no effects")
    target: str = Field("", exclude=True)
    method: str = Field("", exclude=True)
    remove_url: str = Field("", exclude=True)
    hold_url: str = Field("", exclude=True)
    hold_text: str = Field("", exclude=True, description="the edit that holds it where its peak is")
    clear_url: str = Field("", exclude=True)
