"""The words that people read for columns, bands, neighbours and warnings; definitions come from the store."""

from dataclasses import dataclass

from app import urls
from app.views.base import Number
from store.atlas.grammar import NO_SOURCE
from store.atlas.heads import HEAD_CLASS, HEAD_CONCEPT, HEAD_CURVE
from store.atlas.schema import CLASS_CONCEPT, CONCEPT, EXAMPLE, PLACES, STREAM_COLUMNS
from store.atlas.stream import Stream
from store.atlas.universal import COFIRE, CROSS_R2, STREAM_CONCEPT
from store.duck import Table
from store.metrics import GROUPS, METRICS, Metric
from store.vocabulary import Badge, Band, Layout, Neighbors, Source


@dataclass(frozen=True)
class Word:
    """What a thing is called, and what it means."""

    label: str
    definition: str


BANDS = {
    Band.TOP: Word("Top", "The images with the concept's largest peaks, strongest first."),
    Band.Q99: Word("95 – 99 %", "Peaks between the 0.95 and 0.99 quantiles of the images in which it fires."),
    Band.Q95: Word("75 – 95 %", "Peaks between the 0.75 and 0.95 quantiles of the images in which it fires."),
    Band.Q75: Word("50 – 75 %", "Peaks between the median and the 0.75 quantile of the images in which it fires."),
    Band.Q50: Word("Below 50 %", "Peaks below the median of the images in which it fires: its weakest answers."),
    Band.RANDOM: Word("Random", "Images drawn by chance from the collection, whether it fires on them or not."),
    Band.NEAR_MISS: Word("Near miss", "Images most like its top examples on which it stays silent."),
}
NEIGHBORS = {
    Neighbors.DECODER: Word("Same direction", "Cosine of the two atoms, largest first."),
    Neighbors.COACTIVATION: Word(
        "Fires together", "Cosine of the two concepts' codes over all patches, largest first."
    ),
    Neighbors.EXAMPLES: Word("Same images", "Jaccard index of the sets of images on which each is strongest."),
    Neighbors.ANTIPODAL: Word("Opposite direction", "Cosine of the two atoms, most negative first."),
}
LAYOUTS = {
    Layout.ATOMS: Word("Same direction", "Concepts lie together whose atoms have the same direction."),
    Layout.FIRING: Word("Fires together", "Concepts lie together that fire on the same patches, whatever their atoms."),
}
BADGES = {
    Badge.DEAD: Word("Dead", "It fires on no patch of the collection: there is nothing to show."),
    Badge.DENSE: Word("Dense", "It fires on so many patches that it says little about any of them."),
    Badge.POSITION_ONLY: Word("Position only", "It fires at one place of the grid, whatever the photo shows there."),
    Badge.DUPLICATE: Word("Duplicate", "Another, stronger concept has nearly the same atom or nearly the same codes."),
}
EVIDENCE = {
    Badge.DEAD: Word("Its numbers", "numbers"),
    Badge.DENSE: Word("Its histogram", "responds"),
    Badge.POSITION_ONLY: Word("Its mean map", "position"),
    Badge.DUPLICATE: Word("Both side by side", ""),
}
"""What shows what a warning rests on, and its anchor on the concept's page."""
_CLASS_LABELS = {
    "class": "Class",
    "n_images": "Images",
    "share": "Share",
    "lift": "Lift",
    "coverage": "Coverage",
    "mean": "Mean ± error",
    "importance": "Logit",
}
ALIGNMENT = {
    "matched_share": Word(
        "Matched", "Concepts of the smaller dictionary with a partner whose correlation chance rarely reaches."
    ),
    "mutual_share": Word("Mutual", "Share of the pairs in which each concept is the other's best."),
    "median_correlation": Word("Correlation", "Median over the pairs, of codes on the shared grid."),
    "median_held_out": Word("On held-out photos", "The same median over photos from which nothing was learned."),
}
METRIC_GROUPS = {
    "reconstruction": Word("Reconstruction", "How much of the activations comes back through the concepts."),
    "sparsity": Word("Sparsity", "How many concepts a token needs, and how evenly they are used."),
    "geometry": Word("Geometry", "How the atoms lie in space, whatever the codes are."),
    "codes": Word("Codes", "Whether concepts that fire at one token avoid or hinder each other."),
    "labels": Word("Labels and head", "What concepts say about classes, and about the model's own decisions."),
    "stability": Word("Stability", "Whether other trainings find the same concepts; means over all of them."),
    "streams": Word("Across models", "What models share through one dictionary, and what that costs each of them."),
    "training": Word("Training", "What was recorded while it learned, epoch by epoch."),
}
LABELS = {
    "concept": "Index",
    "density": "Density",
    "image_coverage": "Image coverage",
    "n_images": "Images",
    "max": "Max",
    "mean": "Mean",
    "mean_active": "Mean when active",
    "energy": "Energy",
    "importance": "Importance",
    "top_class": "Top class",
    "purity": "Purity",
    "position_entropy": "Position entropy",
    "spatial_size": "Spatial size",
    "q50": "Median peak",
    "q75": "0.75 quantile of peaks",
    "q95": "0.95 quantile of peaks",
    "q99": "0.99 quantile of peaks",
    "badges": "Warnings",
    "map_x": "Map x",
    "map_y": "Map y",
    "firing_x": "Map x, by firing",
    "firing_y": "Map y, by firing",
    "cluster": "Cluster",
    "label_seed": "Label seed",
    "firing_entropy": "Firing entropy",
    "firing_jaccard": "Firing Jaccard",
    "stream_correlation": "Correlation across models",
    "stream_correlation_held_out": "Correlation, held out",
    "main_stream": "Main stream",
}
"""Labels of the atlas's concept columns."""


COLUMN_LABELS = LABELS | {
    "id": "Index",
    "class": "Top class",
    "badge": "Warnings",
    "label": "Label",
    "label_source": "Label from",
    "list": "List",
}
"""The same by the names that queries have."""
LABEL_SOURCES = {
    Source.HUMAN.value: Word("People", "Somebody wrote its label."),
    Source.IMPORT.value: Word("Programs", "A program made its label."),
    Source.SEED.value: Word("Guessed", "Its label is guessed from classes; nobody has named it."),
    NO_SOURCE: Word("No label", "It is called by its index."),
}

GROUP_OF = {metric.key: group for group, metrics in GROUPS.items() for metric in metrics}
"""The group of each metric."""


def _null_parents() -> dict[str, str]:
    """Which metric each null belongs to: the one that names it, or else the one whose name it carries on."""
    named = {metric.null: metric.key for metric in METRICS.values() if metric.null}
    nulls = {key for key, metric in METRICS.items() if metric.definition.startswith("Null of ")} - set(named)
    whole = [key for key in METRICS if key not in nulls and key not in named]
    carried = {key: max((one for one in whole if key.startswith(f"{one}_")), key=len) for key in nulls}
    return named | carried


NULL_OF = _null_parents()
"""The metric beside which each null is shown."""

_PLACES = {name for names in PLACES.values() for name in names}
_NO_QUANTITIES = _PLACES | {"concept", "top_class", "badges", "label_seed", "cluster", "main_stream"}


def numbers(*, universal: bool) -> tuple[str, ...]:
    """Concept columns that are quantities; those about streams only of a universal dictionary."""
    left_out = _NO_QUANTITIES if universal else _NO_QUANTITIES | set(STREAM_COLUMNS)
    return tuple(name for name in LABELS if name not in left_out)


_COLUMNS = {column.name: column for column in CONCEPT.columns}


def window_words(stream: Stream) -> str:
    """How photos meet the model's input."""
    window = stream.window
    if window is None:
        return "what the windows of all streams show"
    return f"{window.height_px} × {window.width_px} px, {window.fit.value}"


def column_anchor(name: str) -> str:
    """A column's anchor in the glossary, where a metric may have the same name."""
    return f"concept.{name}" if name in METRICS else name


def column_number(name: str, value: float | None = None) -> Number:
    """A concept column as a defined number."""
    column = _COLUMNS[name]
    return Number(
        key=name,
        label=LABELS[name],
        value=value,
        unit="" if column.unit.startswith(("[", "(")) else column.unit,
        range=column.unit if column.unit.startswith(("[", "(")) else "",
        definition=_sentence(column.doc),
        url=urls.glossary(column_anchor(name)),
    )


def class_column(name: str) -> Word:
    """A column of the table of classes."""
    docs = {"class": "The class of the collection", "n_images": "Its images in the collection"}
    return Word(_CLASS_LABELS[name], docs.get(name) or column_docs(CLASS_CONCEPT)[name])


def metric_number(metric: Metric, value: float | None = None, *, null: float | None = None) -> Number:
    """A metric as a defined number, with the null's value when it was measured."""
    low = "−∞" if metric.low is None else f"{metric.low:g}"
    high = "∞" if metric.high is None else f"{metric.high:g}"
    return Number(
        key=metric.key,
        label=metric.label,
        value=value,
        unit=metric.unit,
        range=f"{low} to {high}",
        better="" if metric.better == "neither" else metric.better,
        null=null,
        null_label=METRICS[metric.null].label if metric.null else "",
        definition=metric.definition,
        url=urls.glossary(metric.key),
    )


def column_docs(table: Table) -> dict[str, str]:
    """What the columns of a table mean."""
    return {column.name: _sentence(column.doc) for column in table.columns}


def other_terms() -> dict[str, tuple[Number, ...]]:
    """Definitions of the numbers of examples, classes and streams, by section title."""
    sections = {}
    tables = {
        "Examples": EXAMPLE,
        "Classes": CLASS_CONCEPT,
        "Predicted classes": HEAD_CLASS,
        "Concepts of predicted classes": HEAD_CONCEPT,
        "Deletion and insertion": HEAD_CURVE,
        "Streams": STREAM_CONCEPT,
        "Co-firing": COFIRE,
        "Reconstruction across streams": CROSS_R2,
    }
    for title, table in tables.items():
        sections[title] = tuple(
            Number(key=f"{table.name}.{c.name}", label=c.name, value=None, range=c.unit, definition=_sentence(c.doc))
            for c in table.columns
            if c.type == "DOUBLE"
        )
    return sections


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
