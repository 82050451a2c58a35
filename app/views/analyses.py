"""Visitors' photos explained: the form, the result, edits."""

from typing import Any

from pydantic import Field

from app.views.base import Choice, Links, PixelBox, View
from app.views.chosen import ChosenView, SignedMap
from app.views.concepts import ConceptChip
from app.views.images import HeatView, ImageCard, PatchCell, PatchConcept, PatchView


class DictionaryOption(View):
    """A dictionary that may be chosen for a photo."""

    slug: str
    title: str
    model: str
    layer: str
    n_concepts: int
    checked: bool


class AnalyzeView(View):
    """The form that takes a photo: ``analyze/page.html``."""

    options: tuple[DictionaryOption, ...]
    examples: tuple[ImageCard, ...] = Field(description="images of the collection to try")
    kept: str = Field(description="how long a photo is kept, in words")
    limit: str = Field(description="how large it may be, in words")
    trouble: str = Field(description="why nothing can be explained now; empty when it can")
    fault: str = Field(description="what was wrong with what was just sent")
    said: str = Field(description="what has been done")
    most: int = Field(description="most dictionaries at once")


class AnalysisLinks(Links):
    """Addresses of an analysis."""

    photo: str = Field(description="the kept copy of the photo, WebP")
    edits: str = Field(description="where edits are tried, by POST")


class PhotoView(View):
    """What was explained."""

    width: int = Field(description="px of the kept copy")
    height: int
    image: str | None = Field(description="id of the collection's image; None for a visitor's photo")
    image_url: str = Field("", exclude=True)


class ActiveConcept(View):
    """A concept that is active on the photo."""

    rank: int = Field(description="place in the chosen order, from 0")
    concept: ConceptChip
    pooled: float = Field(description="mean code over all patches")
    peak: float = Field(description="largest code")
    share: float = Field(description="peak / the concept's max in the collection, at most 1")
    percentile: float = Field(description="share of the collection's images whose peak is below, in [0, 1]")
    surprise: float = Field(description="-log2(1 - percentile) in bits, at most log2(n + 1)")
    contribution: float | None = Field(description="what it adds to the score of the predicted class, in logits")
    row: int
    col: int
    bar: float = Field(exclude=True, description="length of the bar in the chosen order, in [0, 1]")
    note: str = Field(exclude=True)
    value: float | None = Field(exclude=True, description="what the order goes by")
    current: bool = Field(False, exclude=True)
    show_url: str = Field(exclude=True)
    edit_url: str = Field(exclude=True, description="this page with the concept removed; empty without effects")


class ClassRow(View):
    """A class with its probability, and what becomes of it."""

    index: int
    name: str
    probability: float
    other: float | None = Field(None, description="through the dictionary, or after the edit")
    spread: tuple[float, float] | None = Field(None, description="least and most that a control gives")
    url: str = Field("", exclude=True, description="the class's page; empty where the atlas does not tell of it")


class Term(View):
    """One step of the sum that makes a score."""

    kind: str = Field(description="bias, concept, others, residual, gap or score")
    label: str
    concept: int | None = None
    value: float
    start: float = Field(exclude=True, description="where its bar starts, in logits")
    url: str = Field("", exclude=True)


class EffectsView(View):
    """What concepts do to the prediction; ``score = bias + residual + concepts + gap``, in logits above the mean."""

    missing: str = Field(description="why there are no effects; then all else is empty")
    target: str = Field("", description="the predicted class")
    target_index: int | None = None
    method: str = ""
    score: float | None = None
    bias: float | None = None
    residual: float | None = None
    gap: float | None = None
    terms: tuple[Term, ...] = Field((), description="the sum, largest concepts first, the rest of them as one")
    classes: tuple[ClassRow, ...] = Field((), description="the photo's prediction beside that of its reconstruction")
    same_top: bool | None = None
    divergence: float | None = Field(None, description="KL(photo || reconstruction) in nats")


class ModelSight(View):
    """How one model sees the photo, and whether the dictionary is at home on it."""

    model: str
    layer: str
    r2: float | None = Field(description="share of the patches' spread that the dictionary explains on this photo")
    r2_usual: float | None = Field(description="the same on the collection's held-out images")
    l0: float = Field(description="active concepts per patch")
    predicted: tuple[ClassRow, ...] = Field(description="the model's own prediction; empty without a head")


class NearestImage(View):
    """An image of the collection with concepts like the photo's."""

    image: ImageCard
    likeness: float = Field(description="in (0, 1]; 1 is the same")


class ControlRow(View):
    """What the same edit does elsewhere."""

    kind: str
    label: str
    n_draws: int
    too_few: tuple[int, ...]
    size: float | None
    change: float | None = Field(description="mean change of the predicted class's probability")
    least: float | None
    most: float | None


class Tick(View):
    """A code with what it means."""

    value: float
    label: str


class EditKnob(View):
    """One edited concept."""

    concept: ConceptChip
    operation: str
    amount: float | None
    how: str = Field(exclude=True, description="scale or clamp: which of the two sliders is shown")
    factor: float = Field(exclude=True, description="where the slider of factors stands")
    code: float = Field(exclude=True, description="where the slider of codes stands")
    most: float = Field(exclude=True, description="end of the slider of codes")
    ticks: tuple[Tick, ...] = Field(exclude=True)
    help: str = Field(exclude=True)
    patches: int | None = Field(description="on how many patches; None means all")
    text: str
    remove_url: str = Field(exclude=True)


class EditView(View):
    """Edits and what they do: also ``analysis/_edit.html``."""

    text: str = Field(description="the edits as addresses carry them")
    knobs: tuple[EditKnob, ...]
    size: float | None = Field(description="root mean square length by which patches were moved")
    target: str
    before: float | None = Field(description="probability of the predicted class")
    after: float | None
    classes: tuple[ClassRow, ...]
    top_before: str
    top_after: str
    controls: tuple[ControlRow, ...]
    fault: str = Field("", description="why the edits could not be tried")
    form_url: str = Field("", exclude=True)
    kept: tuple[tuple[str, str], ...] = Field((), exclude=True, description="what else the address says: hidden fields")
    curl: str = Field("", exclude=True, description="the call of the API that tries the same")


class PaintedView(View):
    """What fires on several patches together: values are sums of codes."""

    patches: str = Field(description="numbers from 0, row by row, as edits write them")
    n: int
    concepts: tuple[PatchConcept, ...]


class TokenView(View):
    """A class or register token, which belongs to no place of the photo, with what fires on it."""

    name: str
    concepts: tuple[PatchConcept, ...]


class TopConcept(View):
    """One of the strongest concepts with its map."""

    heat: HeatView
    pooled: float


class ExplainedView(View):
    """The photo as one dictionary sees it."""

    dictionary: str
    title: str
    model: str
    layer: str
    url: str = Field(exclude=True)
    dictionary_url: str = Field(exclude=True)
    rows: int
    cols: int
    seen: PixelBox = Field(description="what the model saw, in px of the copy")
    l0: float
    sights: tuple[ModelSight, ...]
    stream: int = Field(description="which model of a universal dictionary sees it, from 1; 0 for all, or the only one")
    streams: tuple[Choice, ...] = Field(exclude=True, description="models of a universal dictionary, all first")
    sort: str
    sorts: tuple[Choice, ...] = Field(exclude=True)
    concepts: tuple[ActiveConcept, ...]
    patch: PatchView | None = Field(description="set by patch=row,col")
    painted: PaintedView | None = Field(description="set by painted=")
    tokens: tuple[TokenView, ...] = Field(description="class tokens and registers, for a dictionary that reads them")
    map: str = Field(description="what the photo shows: segments, codes, contribution, total, occlusion, photo")
    heat: HeatView | None = Field(description="set by concept=")
    chosen: ChosenView | None = Field(description="set by concept=")
    contributions: SignedMap | None = Field(
        description="set by map=contribution (of the concept) and map=total (of all)"
    )
    patches: dict[str, Any] = Field(
        description="rows, cols, n_top, concepts, max, index, values as on image pages; parts: contributions, -127 to "
        "127, where 127 is the concept's part_scale; total, total_scale, total_sum: of all concepts, by patch; "
        "at most 20 kB"
    )
    effects: EffectsView
    nearest: tuple[NearestImage, ...]
    edit: EditView | None = Field(description="set by edits=")
    tops: tuple[TopConcept, ...] = Field(exclude=True, description="the first of the order, for side by side")
    cells: tuple[PatchCell, ...] = Field(exclude=True)
    script: dict[str, Any] = Field(exclude=True, description="patches, and names, addresses, pictures of concepts")
    signed: SignedMap | None = Field(exclude=True, description="what the photo shows, if it has signs")
    looks: tuple[Choice, ...] = Field(exclude=True, description="ways to look at the photo")
    clear_url: str = Field(exclude=True)


class AnalysisView(View):
    """An analysis: ``analysis/page.html``."""

    id: str
    created_at: str
    expires_at: str
    photo: PhotoView
    links: AnalysisLinks
    dictionaries: tuple[ExplainedView, ...]
    choices: tuple[Choice, ...] = Field(exclude=True, description="dictionaries that were asked for")
    beside_url: str = Field("", exclude=True)
    is_beside: bool = Field(False, exclude=True)
    delete_url: str = Field(exclude=True)
    edits_url: str = Field(exclude=True)


class MadeView(View):
    """A new analysis."""

    id: str
    expires_at: str
    links: AnalysisLinks
