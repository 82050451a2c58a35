"""Presets: named specs with what to expect of them, and the demo's list of dictionaries."""

from dataclasses import dataclass
from typing import Any, Final

from store.errors import NotFound
from store.methods import (
    ArchetypalSpec,
    BatchTopKSpec,
    ConvexNmfSpec,
    DenseArchetypalSpec,
    DictionarySpec,
    JumpReluSpec,
    KMeansSpec,
    MatchingPursuitSpec,
    MatryoshkaSpec,
    NmfSpec,
    PcaSpec,
    PublishedArchetypalSpec,
    ReluSpec,
    SemiNmfSpec,
    TopKSpec,
)
from store.specs import ClassRule, CollectionSpec, ExtractionSpec
from store.universal import UniversalSpec
from store.vocabulary import Fit


@dataclass(frozen=True)
class Preset:
    """A named dictionary spec, when to take it, and what came of it on the demo's EfficientNet-Lite0 tokens.

    On held-out photos: ``r2`` the centred R2, ``l0`` the codes per token, ``dead`` the share of concepts that never
    fire; ``seconds`` is the training time. All None where the preset has not been measured.
    """

    name: str
    spec: DictionarySpec
    note: str
    r2: float | None = None
    l0: float | None = None
    dead: float | None = None
    seconds: float | None = None


# The table of `conceptoscope bench presets --docs docs/benchmarks.md`, preset by preset: R2, codes per token, dead,
# seconds. After a new run tests/store/test_presets.py says which lines differ and what belongs here.
_MEASURED: Final[dict[str, tuple[float, float, float, float]]] = {
    "topk-small": (0.630, 12.0, 0.008, 6.8),
    "archetypal-small": (0.622, 11.8, 0.052, 8.2),
    "batchtopk-small": (0.671, 13.8, 0.010, 9.0),
    "jumprelu-small": (0.678, 14.4, 0.010, 6.3),
    "matryoshka-small": (0.635, 13.1, 0.010, 11.2),
    "relu-small": (0.571, 14.3, 0.000, 4.3),
    "archetypal-dense-small": (0.569, 12.0, 0.016, 9.7),
    "archetypal-published-small": (0.616, 12.0, 0.016, 11.2),
    "matching-pursuit-small": (0.655, 12.0, 0.000, 12.9),
    "semi-nmf-small": (0.660, 12.0, 0.000, 10.1),
    "convex-nmf-small": (0.649, 12.0, 0.000, 14.2),
    "nmf-small": (0.623, 12.0, 0.003, 10.3),
    "kmeans-small": (0.358, 1.0, 0.258, 2.9),
    "pca-small": (0.485, 12.0, 0.018, 0.5),
}


def _preset(name: str, spec: DictionarySpec, note: str) -> Preset:
    return Preset(name, spec, note, *_MEASURED.get(name, ()))


# Found on the demo's tokens: with few tokens a strong auxiliary loss that sets in early keeps every concept alive.
_SIZE: Final[dict[str, Any]] = {"n_concepts": 384, "n_active": 12, "epochs": 12, "batch_tokens": 1024}
_GRADIENT: Final = _SIZE | {"lr": 0.01, "dead_after_tokens": 10_000}
_SMALL: Final = _GRADIENT | {"aux_weight": 0.25, "encoder_decay": 0.02}
# Archetypal dictionaries of different seeds agree most when they move far at first and hold their encoder down.
_MIXED: Final = _SMALL | {"lr": 0.03, "encoder_decay": 0.03}
# The saliency model's tokens say little more than figure and ground: fewer concepts, fewer at once.
_FEWER: Final = _SMALL | {"n_concepts": 256, "n_active": 8, "epochs": 10, "encoder_decay": 0.0}
_LARGE: Final[dict[str, Any]] = {
    "n_concepts": 6144,
    "n_active": 32,
    "epochs": 10,
    "batch_tokens": 4096,
    "lr": 1e-3,
    "dead_after_tokens": 1_000_000,
}

PRESETS = (
    _preset("topk-small", TopKSpec(**_SMALL), "some hundred photos: a good start"),
    _preset("archetypal-small", ArchetypalSpec(**_MIXED), "atoms are mixtures of real patches"),
    _preset("batchtopk-small", BatchTopKSpec(**_SMALL), "busy patches get more codes than plain ones"),
    _preset("jumprelu-small", JumpReluSpec(**_SMALL), "each concept has a threshold of its own"),
    _preset("matryoshka-small", MatryoshkaSpec(**_SMALL), "general concepts first, special ones later"),
    _preset(
        "relu-small",
        ReluSpec(**_SMALL | {"encoder_decay": 0.0}),
        "the plain autoencoder with an L1 penalty, for reference",
    ),
    _preset("archetypal-dense-small", DenseArchetypalSpec(**_SMALL), "A-SAE: mixtures of all candidates"),
    _preset("archetypal-published-small", PublishedArchetypalSpec(**_SMALL), "RA-SAE as published, for reference"),
    _preset("matching-pursuit-small", MatchingPursuitSpec(**_GRADIENT), "codes found step by step; more steps later"),
    _preset("semi-nmf-small", SemiNmfSpec(**_SIZE), "codes are solved for; the most variance per code"),
    _preset("convex-nmf-small", ConvexNmfSpec(**_SIZE), "atoms are mixtures of patches, codes are solved for"),
    _preset("nmf-small", NmfSpec(**_SIZE), "parts that only add, best after a ReLU"),
    _preset("kmeans-small", KMeansSpec(**_SIZE | {"n_active": 1}), "one concept per patch, for reference"),
    _preset("pca-small", PcaSpec(**_SIZE | {"epochs": 1}), "principal components, for reference"),
    _preset("topk-large", TopKSpec(**_LARGE), "a hundred thousand photos or more"),
    _preset("archetypal-large", ArchetypalSpec(**_LARGE, n_candidates=16_384), "the same, mixtures of real patches"),
)


def get_preset(name: str) -> Preset:
    """The preset of that name; raises ``NotFound`` with the near ones."""
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise NotFound("preset", name, known=(preset.name for preset in PRESETS))


@dataclass(frozen=True)
class DemoDictionary:
    """One dictionary of the demo."""

    slug: str
    title: str
    extraction: ExtractionSpec
    spec: DictionarySpec


FOOD_GROUPS = (
    ("A", "cereals and millets"),
    ("B", "grain legumes"),
    ("C", "leafy vegetables"),
    ("D", "other vegetables"),
    ("E", "fruits"),
    ("F", "roots and tubers"),
    ("G", "spices"),
    ("H", "nuts and oil seeds"),
    ("I", "sugars"),
    ("J", "mushrooms"),
    ("K", "other foods"),
    ("L", "milk and milk products"),
    ("M", "eggs and egg products"),
    ("N", "poultry"),
    ("O", "animal meat"),
    ("P", "sea fish"),
    ("Q", "sea shellfish"),
    ("R", "sea molluscs"),
    ("S", "freshwater fish"),
    ("T", "edible oils"),
)

DEMO_COLLECTION = CollectionSpec(
    slug="foods",
    title="Foods and animals",
    classes=ClassRule(by="prefix", prefix=1, names=FOOD_GROUPS),
)

_LITE0 = ExtractionSpec(model="efficientnet-lite0", layer="blocks.6", height_px=320, width_px=576, fit=Fit.COVER)
_HEAD = ExtractionSpec(model="efficientnet-lite0", layer="final", height_px=320, width_px=576, fit=Fit.COVER)
_MOBILE = ExtractionSpec(model="mobilenet-v2", layer="blocks.6", height_px=320, width_px=576, fit=Fit.COVER)
_SALIENCY = ExtractionSpec(model="saliency-vit-s14", layer="blocks.11", height_px=168, width_px=294, fit=Fit.COVER)

DEMO_DICTIONARIES = (
    DemoDictionary(
        "efficientnet-lite0-archetypal",
        "EfficientNet-Lite0, last stage, archetypal",
        _LITE0,
        ArchetypalSpec(**_MIXED | {"lr": 0.01}),  # a little less agreement, no dead concepts
    ),
    DemoDictionary(
        "efficientnet-lite0-topk",
        "EfficientNet-Lite0, last stage, TopK",
        _LITE0,
        TopKSpec(**_SMALL),
    ),
    DemoDictionary(
        "efficientnet-lite0-final",
        "EfficientNet-Lite0, before the head, BatchTopK",
        _HEAD,  # only a mean and a linear map follow, so that what concepts do to classes is exact
        BatchTopKSpec(**_SMALL),
    ),
    DemoDictionary(
        "mobilenet-v2-topk",
        "MobileNetV2, last stage, TopK",
        _MOBILE,
        TopKSpec(**_SMALL),
    ),
    DemoDictionary(
        "saliency-vit-topk",
        "Saliency ViT-S/14, last block, TopK",
        _SALIENCY,
        TopKSpec(**_FEWER),
    ),
)

DEMO_STREAMS = (_LITE0, _MOBILE, _SALIENCY)
"""What the demo's universal dictionary joins: two convolutional networks and a transformer."""
DEMO_JOINT_SLUG = "universal-lite0-mobilenet-saliency"
DEMO_JOINT_TITLE = "Universal: EfficientNet-Lite0, MobileNetV2 and Saliency ViT"

# Found on training photos set aside: streams that are held to agree carry more over to each other, which a lower
# cross_weight turns into better codes of each model's own.
DEMO_UNIVERSAL = UniversalSpec(
    **_SMALL | {"cross_weight": 0.5, "agreement": 0.1, "together": 0.3, "spread": "dimension"}
)
