"""What class pages and the API's classes ask for: one reading for both."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from app.formats import TABLE, limit_of, limit_param
from app.params import CURSOR, Param, as_index, read_params, whole
from app.words import Word
from store.atlas.cursor import parse_limit
from store.sheets import Format

PREDICTED, COLLECTION = "predicted", "collection"
LIMIT_DEFAULT: Final = 12  # three photos each
COLUMNS: Final = {
    "name": Word("Class", "The model's word for it, or the name of the group."),
    "n_images": Word("Images", "Images for which the model names it first, right or wrong; of a group its images."),
    "probability": Word("Probability", "The class's mean probability over these images."),
    "logit": Word("Logit", "The class's mean logit over these images."),
    "n_main": Word("For 80 %", "Fewest concepts whose importances come to 80 % of what all concepts contribute."),
    "n_concepts": Word(
        "Concepts", "Concepts that fire on any of these images; of a group those most of whose codes fall on it."
    ),
    "leader_share": Word(
        "Leader", "The concept that contributes most on most of them, and the share of them on which it does."
    ),
    "group_share": Word("Group", "The collection's class of most of these images, and the share of them in it."),
    "accuracy": Word(
        "Accuracy", "Of the images in the collection's class of the same name, the share that the model calls so."
    ),
    "of_random": Word(
        "Deletion",
        "Area under the class's probability while concepts are taken away, most important first, over the area in "
        "random orders: small where the order is right, 100 % by chance.",
    ),
}
DEFAULT_SORT: Final = "-n_images"
SORTS: Final = tuple(sign + name for name in COLUMNS for sign in ("", "-"))
LIMIT = Param("limit", "How many to return: 1 to 200.", default=str(LIMIT_DEFAULT), schema=whole(1, 200))
BESIDE: Final = {
    "shared": Word(
        "Shared",
        "Of two classes, sum over concepts of the smaller positive contrast over the sum of the larger, in [0, 1].",
    ),
    "given": Word(
        "Contribution on a photo",
        "A concept's mean code over the photo's patches times what a code of 1 adds to the class's logit. Known "
        "exactly where the atlas keeps both; else the range is told that follows from what it keeps.",
    ),
    "strongest": Word(
        "Where on the photos",
        "Of the eight concepts that speak most for a class, the one whose code on a patch is largest relative to its "
        "largest code in the collection; none where no patch code of them is kept.",
    ),
    "push": Word(
        "Push",
        "On photos of one class, what a concept adds to the logit of another class less what it adds to that of this "
        "one, in mean over the photos; above 0 it pushes to the other class.",
    ),
    "difference": Word(
        "Difference", "A concept's contrast in one class less its contrast in another; 0 where it is not kept."
    ),
}
OF = Param("of", "Classes that the model predicts (where the atlas has them), or groups.", (PREDICTED, COLLECTION))
Q = Param("q", "Words that all must occur in the class's name, or its number.")
GROUP = Param("group", "Only classes that the model predicts for images of this class of the collection.")
SORT = Param("sort", "Order of classes, minus for descending; absent values last.", SORTS, DEFAULT_SORT)

MEASURES: Final = {
    "importance": Word("Importance", "Mean contribution to the class's logit over its images, one standard error."),
    "contrast": Word(
        "Contrast",
        "Mean contribution to the logit less the mean logit of all classes: what counts for probabilities.",
    ),
}
BY = Param("by", "What concepts are ordered by, by size.", tuple(MEASURES), "importance")
AGAINST = Param("against", "Number of another predicted class to set beside this one.", schema=whole(0))
CONCEPT_SORTS: Final = tuple(
    sign + name for name in ("importance", "contrast", "leading", "rank") for sign in ("", "-")
)
CONCEPT_SORT = Param("sort", "Order of concepts, minus for descending.", CONCEPT_SORTS, "-importance")
INCLUDE = Param("include", "What else to return.", ("curves",))


@dataclass(frozen=True)
class ClassesAsked:
    """A request for the index of classes."""

    of: str = ""
    q: str = ""
    group: str = ""
    sort: str = DEFAULT_SORT
    cursor: str = ""
    limit: int = LIMIT_DEFAULT

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Canonical parameters without the cursor."""
        sort = "" if self.sort == DEFAULT_SORT else self.sort
        limit = "" if self.limit == LIMIT_DEFAULT else str(self.limit)
        given = (("group", self.group), ("limit", limit), ("of", self.of), ("q", self.q), ("sort", sort))
        return tuple((k, v) for k, v in given if v)


@dataclass(frozen=True)
class ClassAsked:
    """A request for one predicted class."""

    by: str = "importance"
    against: int | None = None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Canonical parameters."""
        by = "" if self.by == "importance" else self.by
        against = "" if self.against is None else str(self.against)
        return tuple((k, v) for k, v in (("against", against), ("by", by)) if v)


def ask_classes(request: Request) -> ClassesAsked:
    """Which classes, in which order, for their page; raises ``BadQuery``."""
    values = read_params(request, OF, Q, GROUP, SORT, CURSOR, LIMIT, display=True)
    return _classes(values, parse_limit(values["limit"], default=LIMIT_DEFAULT))


def ask_class_table(request: Request, form: Format | None) -> tuple[ClassesAsked, str]:
    """The same for the API, and the fields that are asked for; raises ``BadQuery``."""
    values = read_params(request, OF, Q, GROUP, SORT, CURSOR, limit_param(LIMIT, form), *TABLE)
    return _classes(values, limit_of(values["limit"], form, default=LIMIT_DEFAULT)), values["fields"]


def _classes(values: dict[str, str], limit: int) -> ClassesAsked:
    return ClassesAsked(values["of"], values["q"], values["group"], values["sort"], values["cursor"], limit)


def ask_class(request: Request, *, display: bool = False) -> ClassAsked:
    """What is shown of a class; raises ``BadQuery``."""
    values = read_params(request, BY, AGAINST, display=display)
    return ClassAsked(values["by"], as_index("against", values["against"]))
