"""The fields of the forms that start jobs: declared once per kind, with what an untouched one means."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from store.bundled import BUNDLED
from store.presets import DEMO_STREAMS, DEMO_UNIVERSAL, PRESETS
from store.streams import write_streams
from store.vocabulary import Fit, JobKind

FieldKind = Literal["text", "number", "select", "check", "lines", "code"]


@dataclass(frozen=True)
class Field:
    """A field: ``path`` is where its value stands in the job's spec, for faults that are found there."""

    name: str
    label: str
    help: str = ""
    kind: FieldKind = "text"
    default: str = ""
    choices: Sequence[tuple[str, str]] = ()
    suggestions: Sequence[str] = ()
    required: bool = False
    path: Sequence[str] = field(default=())
    group: str = ""


_MODELS: Final = tuple(BUNDLED)
_LAYERS: Final = tuple(dict.fromkeys(layer.name for model in BUNDLED.values() for layer in model.layers))
_FITS: Final = (
    (Fit.CROP.value, "crop: the model's own way"),
    (Fit.COVER.value, "cover: cut as little as possible"),
    (Fit.SQUASH.value, "squash: the whole photo, proportions changed"),
)
_CLASSES: Final = (
    ("folder", "the photo's folder"),
    ("prefix", "first characters of the file name"),
    ("csv", "a CSV file"),
    ("none", "there are no classes"),
)

_REBUILD: Final = Field(
    "rebuild", "Check what is there, and build damaged results again", kind="check", path=("rebuild",)
)

_READING: Final = (
    Field("collection", "Collection", kind="select", required=True, path=("collection",), group="What is read"),
    Field(
        "model",
        "Model",
        "a bundled one, or timm/NAME",
        default="efficientnet-lite0",
        suggestions=_MODELS,
        required=True,
        path=("extraction", "model"),
        group="What is read",
    ),
    Field(
        "layer",
        "Layer",
        "where the model is read",
        default="blocks.6",
        suggestions=_LAYERS,
        required=True,
        path=("extraction", "layer"),
        group="What is read",
    ),
    Field("height", "Height, px", "empty: the model's own", "number", path=("extraction", "height_px"), group="Input"),
    Field("width", "Width, px", "empty: the model's own", "number", path=("extraction", "width_px"), group="Input"),
    Field(
        "fit", "Fit", "how photos meet the input", "select", "crop", _FITS, path=("extraction", "fit"), group="Input"
    ),
    Field(
        "live",
        "Store no activations: the model makes them anew whenever they are read",
        kind="check",
        group="Input",
    ),
)

_INGEST: Final = (
    Field("folder", "Folder of photos", "as the worker sees it", required=True, path=("folder",), group="Photos"),
    Field(
        "slug",
        "Name in addresses",
        "empty: made from the folder's name",
        path=("collection", "slug"),
        group="Photos",
    ),
    Field("title", "Title", "empty: the folder's name", path=("collection", "title"), group="Photos"),
    Field(
        "classes",
        "Classes come from",
        kind="select",
        default="folder",
        choices=_CLASSES,
        path=("collection", "classes", "by"),
        group="Classes",
    ),
    Field(
        "prefix", "Characters", "of the file name", "number", path=("collection", "classes", "prefix"), group="Classes"
    ),
    Field("csv", "CSV file", "with the columns file and class", path=("collection", "classes", "csv"), group="Classes"),
    Field(
        "held_out",
        "Held out",
        "share of photos that only judge, 0 to 0.9",
        "number",
        "0.15",
        path=("collection", "held_out"),
        group="Classes",
    ),
    _REBUILD,
)

_TRAIN: Final = (
    *_READING,
    Field(
        "preset",
        "Preset",
        kind="select",
        default="topk-small",
        choices=tuple((preset.name, f"{preset.name}: {preset.note}") for preset in PRESETS),
        group="Dictionary",
    ),
    Field("n_concepts", "Concepts", "empty: the preset's", "number", group="Dictionary"),
    Field("n_active", "Active per token", "empty: the preset's", "number", group="Dictionary"),
    Field("epochs", "Epochs", "empty: the preset's", "number", group="Dictionary"),
    Field("seed", "Seed", "of first weights and samples", "number", "0", group="Dictionary"),
    Field("slug", "Name in addresses", "empty: model-layer-method", group="Name"),
    Field("title", "Title", "empty: model, layer, method", group="Name"),
    _REBUILD,
)

_PROCEDURES: Final = (
    ("all", "all: every model at every step"),
    ("sampled", "sampled: one model per step"),
    ("published", "published: as in the paper"),
)
_CODES: Final = (
    ("topk", "topk: largest of each token"),
    ("batchtopk", "batchtopk: largest of a batch"),
    ("shared", "shared: the same for all models"),
)

_UNIVERSAL: Final = (
    Field("collection", "Collection", kind="select", required=True, path=("collection",), group="What is read"),
    Field(
        "streams",
        "Models",
        "two to five MODEL:LAYER@HEIGHTxWIDTH; without a size the model's own",
        "lines",
        write_streams(DEMO_STREAMS).replace(",", "\n"),
        required=True,
        path=("streams",),
        group="What is read",
    ),
    Field("fit", "Fit", "how photos meet the inputs", "select", Fit.COVER.value, _FITS, group="What is read"),
    Field(
        "live",
        "Store no activations: the models make them anew whenever they are read",
        kind="check",
        group="What is read",
    ),
    Field("n_concepts", "Concepts", f"empty: {DEMO_UNIVERSAL.n_concepts}", "number", group="Dictionary"),
    Field("n_active", "Active per token", f"empty: {DEMO_UNIVERSAL.n_active}", "number", group="Dictionary"),
    Field("epochs", "Epochs", f"empty: {DEMO_UNIVERSAL.epochs}", "number", group="Dictionary"),
    Field("seed", "Seed", "of first weights and samples", "number", "0", group="Dictionary"),
    Field("procedure", "Procedure", kind="select", choices=_PROCEDURES, default="all", group="Dictionary"),
    Field("choice", "Codes", kind="select", choices=_CODES, default="topk", group="Dictionary"),
    Field("slug", "Name in addresses", "empty: the models'", path=("slug",), group="Name"),
    Field("title", "Title", "empty: the models'", path=("title",), group="Name"),
    _REBUILD,
)

_INDEX: Final = (
    Field("dictionary", "Dictionary", kind="select", required=True, path=("dictionary",), group="Evidence"),
    Field(
        "n_examples", "Examples per band", "9 to 256", "number", "16", path=("atlas", "n_examples"), group="Evidence"
    ),
    _REBUILD,
)

_ALIGN: Final = (
    Field("first", "One dictionary", kind="select", required=True, path=("first",), group="Two of one collection"),
    Field("second", "The other", kind="select", required=True, path=("second",), group="Two of one collection"),
    _REBUILD,
)

_SPEC: Final = (
    Field("spec", "The job as JSON", "any kind, any field; the schema is in the API's description", "code", "{}"),
)

FORMS: Final[dict[str, Sequence[Field]]] = {
    JobKind.INGEST: _INGEST,
    JobKind.EXTRACT: (*_READING, _REBUILD),
    JobKind.TRAIN: _TRAIN,
    JobKind.UNIVERSAL: _UNIVERSAL,
    JobKind.INDEX: _INDEX,
    JobKind.ALIGN: _ALIGN,
    "spec": _SPEC,
}
HEADINGS: Final = {
    JobKind.INGEST: ("Ingest photos", "A folder of photos becomes a collection."),
    JobKind.EXTRACT: ("Extract activations", "A model reads a collection at one layer; free workers share the work."),
    JobKind.TRAIN: ("Train a dictionary", "Concepts are learned; activations are extracted first if they are missing."),
    JobKind.UNIVERSAL: (
        "Train a universal dictionary",
        "Several models look at the same photos through one set of concepts: which do they share, which are one "
        "model's own?",
    ),
    JobKind.INDEX: (
        "Index a dictionary",
        "The evidence of each concept is gathered, so that the explorer can show it.",
    ),
    JobKind.ALIGN: (
        "Align two dictionaries",
        "The concepts of two dictionaries of one collection are brought together: which are the same, which are one "
        "side's own.",
    ),
    "spec": ("Start any job", "All that a job can be, as the API takes it: change what you like."),
}
