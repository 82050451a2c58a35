"""Two dictionaries aligned: their pairs with the same photos seen by both, what is split, what has no partner."""

from pydantic import Field

from app.views.base import Choice, Links, Number, Paging, PixelBox, View
from app.views.concepts import ConceptCard, ConceptChip
from app.views.plots import CellChart, Overlay


class Side(View):
    """One of the two dictionaries."""

    key: str = Field(description="a or b")
    slug: str
    title: str
    model_title: str
    layer: str
    n_concepts: int
    n_matched: int = Field(description="concepts with a partner whose score chance rarely reaches")
    links: Links


class AlignmentCard(View):
    """An alignment in a list."""

    a: Side
    b: Side
    n_matched: int = Field(description="pairs whose correlation chance rarely reaches")
    correlation: float | None = Field(description="mean over these pairs")
    held_out: float | None = Field(description="the same over held-out photos")
    links: Links


class Twins(View):
    """What two matched concepts fire on most: addresses of their crops."""

    a: str
    b: str


class AlignmentRow(AlignmentCard):
    """An alignment in the page's list, with its best pairs to look at."""

    best: tuple[Twins, ...] = Field(exclude=True)


class AlignmentsView(View):
    """The list of alignments, and the dictionaries that could be aligned."""

    cards: tuple[AlignmentRow, ...]
    choices: tuple[Choice, ...]


class SharedTile(View):
    """A photo on which both concepts of a pair fire, with both heats. Boxes are in pixels of the thumbnail."""

    image: str
    class_name: str | None = Field(serialization_alias="class")
    width: int
    height: int
    thumbnail: str = Field(description="address of the photo's thumbnail")
    alt: str
    value_a: float
    value_b: float
    scale_a: float
    scale_b: float
    iou: float | None = Field(description="overlap of the two heats: sum of minima over sum of maxima, in [0, 1]")
    seen_a: PixelBox
    seen_b: PixelBox
    heat_a: str = Field(exclude=True, description="data URI, grey, 255 = its own peak")
    heat_b: str = Field(exclude=True)
    difference: str = Field(exclude=True, description="data URI, grey, 128 = both alike, 255 = only a, 0 = only b")
    url_a: str = Field(exclude=True)
    url_b: str = Field(exclude=True)


class Pair(View):
    """A concept of each dictionary, matched."""

    rank: int
    a: ConceptChip
    b: ConceptChip
    correlation: float = Field(description="of their codes over the tokens of the shared grid, in [-1, 1]")
    held_out: float | None = Field(description="the same over held-out images")
    percentile: float = Field(description="share of the null's scores below it, in [0, 1]")
    mutual: bool = Field(description="each is the other's best")
    jaccard: float
    cosine: float | None = Field(description="of the atoms, where both read the same space")
    overlap: float = Field(description="Jaccard index of their top images")
    cofire_a: float = Field(description="share of a's tokens on which b fires, too")
    cofire_b: float
    iou: float | None = Field(description="mean overlap of heats over the shared photos")
    shared: tuple[SharedTile, ...]


class Fan(View):
    """A concept whose firing several of the other dictionary share between them."""

    side: str
    concept: ConceptChip
    coverage: float = Field(description="share of its firing tokens on which one of the others fires")
    others: tuple[ConceptChip, ...]
    shares: tuple[float, ...] = Field(description="share of its firing tokens on which each of the others fires")


class Between(View):
    """Two fields that limit a number, as one form has them."""

    label: str
    low_name: str
    high_name: str
    low: str = Field(description="what the lower field holds; empty when unset")
    high: str
    low_hint: str = Field("", description="the smallest there is")
    high_hint: str = ""


class AlignmentView(View):
    """The page of an alignment; of ``pairs``, ``fans`` and ``alone`` one is filled."""

    a: Side
    b: Side
    show: str = Field(description="pairs, fans, a or b")
    numbers: tuple[Number, ...]
    grid: tuple[int, int] = Field(description="rows and columns of the shared grid")
    n_images: int
    scores: Overlay
    importance: CellChart | None
    pairs: tuple[Pair, ...] = ()
    fans: tuple[Fan, ...] = ()
    alone: tuple[ConceptCard, ...] = ()
    tabs: tuple[Choice, ...] = Field((), description="what can be shown, with counts")
    sorts: tuple[Choice, ...] = Field((), exclude=True)
    correlation: Between = Field(exclude=True)
    energies: tuple[Between, ...] = Field((), exclude=True)
    applied: tuple[Choice, ...] = Field((), exclude=True, description="filters in words, with addresses without them")
    others: tuple[Choice, ...] = Field((), exclude=True, description="dictionaries that could be set beside these two")
    mutual_only: bool = Field(False, exclude=True)
    swap_url: str = Field("", exclude=True)
    clear_url: str = Field("", exclude=True)
    paging: Paging


class Elsewhere(View):
    """What answers to a concept in another dictionary: its partner, or only the one most like it."""

    slug: str
    title: str
    model_title: str
    layer: str
    status: str = Field(description="matched, split, merge, unmatched or silent")
    best: ConceptChip | None = Field(description="the concept whose codes correlate most")
    correlation: float | None
    percentile: float | None = Field(description="share of the null's best correlations not above, in [0, 1]")
    pair: Pair | None = Field(description="its partner, with photos on which both fire")
    links: Links
