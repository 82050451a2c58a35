"""Classes: what a model predicts and by which concepts, or the groups of a collection."""

from pydantic import Field

from app.views.base import Choice, Links, Paging, PixelBox, View
from app.views.class_confusions import ConfusedGroup, Push
from app.views.class_photos import ClassMatrix, ClassParcels, ClassPhoto
from app.views.concepts import ConceptChip
from app.views.plots import LineChart, Whisker


class ClassCard(View):
    """A class in the index: one that the model predicts, or a group of the collection."""

    of: str = Field(description="predicted or collection")
    output: int | None = Field(description="place among the model's outputs; None of a group")
    class_name: str = Field(serialization_alias="class", description="the model's word, or the group's name")
    n_images: int = Field(description="images for which the model names it first, or that are in the group")
    probability: float | None = Field(description="its mean probability over them, like all that follows")
    logit: float | None
    n_concepts: int = Field(description="concepts that fire on any of them; of a group those that answer to it most")
    n_main: int | None = Field(description="fewest concepts that come to 80 % of the importance of all")
    area: float | None = Field(description="under deletion, most important first")
    random: float | None = Field(description="under deletion in random orders, in mean")
    random_spread: float | None = Field(description="standard deviation of that over orders")
    least: float | None = Field(description="under deletion, least important first")
    of_random: float | None = Field(description="area / random: small where the order is right, 1 by chance")
    leader: ConceptChip | None = Field(description="the concept that contributes most on most of them; None of a group")
    leader_share: float | None = Field(description="share of its images on which that one contributes most")
    group: str | None = Field(description="the collection's class of most of them; None of a group, or where unknown")
    group_share: float | None = Field(description="share of its images in that class")
    accuracy: float | None = Field(
        description="share of the collection's class of the same name that the model calls so; None where there is none"
    )
    photos: tuple[ClassPhoto, ...]
    concepts: tuple[ConceptChip, ...] = Field(description="of a group the most important that answer to it")
    links: Links


class ClassesView(View):
    """The index of classes: ``classes/list.html``."""

    dictionary: str
    dictionary_title: str
    of: str
    kinds: tuple[Choice, ...] = Field(description="predicted classes or the collection's groups, where there are both")
    missing: str = Field(description="why there are no predicted classes; empty where there are")
    n_all: int = Field(description="classes, unfiltered")
    total: int
    n_images: int = Field(exclude=True, description="images of all of them together, the sum of theirs")
    n_collection: int = Field(description="images of the collection")
    cards: tuple[ClassCard, ...]
    q: str
    group: str
    groups: tuple[Choice, ...] = Field(description="parameter group: predicted classes with photos of each")
    told: tuple[str, ...] = Field(exclude=True, description="columns that any class has a number for")
    sort: str
    sorts: tuple[Choice, ...] = Field(description="what a click on each column leads to; key is the column")
    kept: tuple[tuple[str, str], ...] = Field(description="parameters without a field in the search form")
    form_url: str
    clear_url: str
    paging: Paging


class ClassTile(View):
    """A photo of the class with a concept's activation map: the concept's evidence here."""

    image: str = Field(description="public id")
    class_name: str | None = Field(serialization_alias="class", description="its class in the collection")
    row: int
    col: int
    value: float = Field(description="code at the peak patch")
    rel: float = Field(description="value / the concept's max, in [0, 1]")
    width: int = Field(description="thumbnail px")
    height: int
    seen: PixelBox = Field(description="what the model saw, in thumbnail px")
    peak: PixelBox
    crop: PixelBox = Field(description="a square around the peak, in thumbnail px")
    heat_uri: str = Field(exclude=True, description="grey PNG, one pixel per patch, 255 = value")
    alt: str = Field(exclude=True)
    links: Links
    thumbnail: str


class ClassConcept(View):
    """What a concept does for a predicted class."""

    rank: int = Field(description="from 0, by contrast")
    concept: ConceptChip
    importance: float = Field(description="mean contribution to the class's logit over its images")
    standard_error: float = Field(description="of importance")
    contrast: float = Field(description="mean contribution to the logit less the mean logit of all classes")
    contrast_error: float | None = Field(description="standard error of contrast; None where importance is 0")
    leading: int = Field(description="images on which it contributes more than any other concept")
    leading_share: float = Field(description="leading / images of the class")
    tiles: tuple[ClassTile, ...] = Field(description="those of the class's photos on which its code is largest")
    bar: Whisker = Field(exclude=True)


class Part(View):
    """A part of the mean logit."""

    kind: str = Field(description="bias, concept, others, residual or logit")
    label: str
    concept: int | None = None
    value: float = Field(description="logit")
    start: float = Field(description="sum of the parts before")
    bar: PixelBox = Field(exclude=True, description="from start to start + value, in a field 100 wide and 8 high")
    zero: float = Field(exclude=True, description="x of the logit 0 in the same field")
    url: str = Field("", exclude=True)


class ClassCurve(View):
    """The class's mean probability while concepts are taken away or put back."""

    walk: str = Field(description="deletion or insertion")
    ordering: str = Field(description="most, least or random")
    label: str
    taken: tuple[int, ...] = Field(description="concepts taken away, or put back, so far")
    probability: tuple[float, ...]
    standard_error: tuple[float | None, ...]
    area: float = Field(description="under the whole curve, over the share of concepts")
    area_spread: float = Field(description="standard deviation over drawn orders; 0 where nothing is drawn")


class Group(View):
    """A class of the collection among the images of a predicted class."""

    class_name: str = Field(serialization_alias="class")
    n_images: int
    share: float = Field(description="of the predicted class's images")
    url: str = Field(exclude=True)


class NearClass(View):
    """A class for which the same concepts speak."""

    output: int
    class_name: str = Field(serialization_alias="class")
    n_images: int
    shared: float = Field(description="sum of the smaller over sum of the larger positive contrasts, in [0, 1]")
    photo: ClassPhoto | None
    links: Links
    against_url: str = Field(exclude=True)


class Difference(View):
    """A concept's contrast in two classes."""

    concept: ConceptChip
    here: float | None = Field(description="contrast in this class; None where it is not among the kept ones")
    there: float | None
    difference: float = Field(description="here less there, absent ones counted as 0")
    standard_error: float | None = Field(description="of the difference; None where either is unknown")
    speaks: str = Field(description="for which it speaks, by contrasts above 0: both, here, there or neither")
    bar: Whisker = Field(exclude=True)


class AgainstView(View):
    """Two classes beside each other."""

    output: int
    class_name: str = Field(serialization_alias="class")
    shared: float
    photos: tuple[ClassPhoto, ...]
    differences: tuple[Difference, ...] = Field(description="the largest by size, from this class to the other")
    pushes: tuple[Push, ...] = Field(description="on photos of this class, from what pushes most to the other one")
    n_pushes: int = Field(description="concepts kept of both classes, of which this is known")
    pushed: float = Field(description="logits: sum over these of all that push to the other class")
    held: float = Field(description="logits: sum over these of all that hold back, at most 0")
    other_way_url: str = Field(exclude=True)
    links: Links
    clear_url: str = Field(exclude=True)


class ClassView(View):
    """A class that the model predicts: ``classes/page.html``."""

    dictionary: str
    dictionary_title: str
    card: ClassCard
    n_collection: int
    groups: tuple[Group, ...] = Field(description="the collection's classes among its images, the largest first")
    by: str = Field(description="importance or contrast: what the concepts are ordered by, by size")
    measures: tuple[Choice, ...] = Field(exclude=True)
    n_kept: int = Field(description="concepts that the atlas keeps of the class, those of the largest contrast")
    concepts: tuple[ClassConcept, ...]
    matrix: ClassMatrix | None = Field(description="None where no photo of the class is kept")
    parcels: ClassParcels | None
    confusions: tuple[ConfusedGroup, ...] = Field(description="empty where the collection has no classes")
    least_sure: tuple[ClassPhoto, ...] = Field(description="kept photos of the smallest probability, that one first")
    parts: tuple[Part, ...] = Field(description="bias, concepts, others, residual, and the logit that they come to")
    n_curve: int = Field(description="images over which the curves go")
    whole: float = Field(description="mean probability on these as they are")
    through: float = Field(description="on their reconstructions, the error left out")
    remainder: float = Field(description="without any concept, the error kept")
    curves: tuple[ClassCurve, ...]
    plots: tuple[LineChart, ...] = Field(description="deletion, insertion")
    near: tuple[NearClass, ...] = Field(description="most alike first")
    against: AgainstView | None = Field(description="set by ?against=")
    index_url: str = Field(exclude=True)
    place: str = Field(exclude=True, description="'3 of 56, most images first'")
    prev: Choice | None = Field(exclude=True)
    next: Choice | None = Field(exclude=True)


class ClassConcepts(View):
    """Concepts of a class, and its curves on demand."""

    concepts: tuple[ClassConcept, ...]
    curves: tuple[ClassCurve, ...] | None = Field(description="set by ?include=curves")


class ConceptOutput(View):
    """A predicted class for which a concept matters."""

    output: int
    class_name: str = Field(serialization_alias="class")
    n_images: int
    importance: float
    standard_error: float
    contrast: float
    leading: int
    links: Links
