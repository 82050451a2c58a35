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
from store.vocabulary import Fit


@dataclass(frozen=True)
class Preset:
    """A named dictionary spec, when to take it, and what came of it on the demo's EfficientNet-Lite0 tokens.

    ``r2`` is the centred R2 on held-out photos, ``seconds`` the training time on two cores (``docs/benchmarks.md``);
    None where the preset has not been run there.
    """

    name: str
    spec: DictionarySpec
    note: str
    r2: float | None = None
    seconds: float | None = None


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
    Preset("topk-small", TopKSpec(**_SMALL), "some hundred photos: a good start"),
    Preset("archetypal-small", ArchetypalSpec(**_MIXED), "atoms are mixtures of real patches"),
    Preset("batchtopk-small", BatchTopKSpec(**_SMALL), "busy patches get more codes than plain ones"),
    Preset("jumprelu-small", JumpReluSpec(**_SMALL), "each concept has a threshold of its own"),
    Preset("matryoshka-small", MatryoshkaSpec(**_SMALL), "general concepts first, special ones later"),
    Preset(
        "relu-small",
        ReluSpec(**_SMALL | {"encoder_decay": 0.0}),
        "the plain autoencoder with an L1 penalty, for reference",
    ),
    Preset("archetypal-dense-small", DenseArchetypalSpec(**_SMALL), "A-SAE: mixtures of all candidates"),
    Preset("archetypal-published-small", PublishedArchetypalSpec(**_SMALL), "RA-SAE as published, for reference"),
    Preset("matching-pursuit-small", MatchingPursuitSpec(**_GRADIENT), "codes found step by step; more steps later"),
    Preset("semi-nmf-small", SemiNmfSpec(**_SIZE), "codes are solved for; the most variance per code"),
    Preset("convex-nmf-small", ConvexNmfSpec(**_SIZE), "atoms are mixtures of patches, codes are solved for"),
    Preset("nmf-small", NmfSpec(**_SIZE), "parts that only add, best after a ReLU"),
    Preset("kmeans-small", KMeansSpec(**_SIZE | {"n_active": 1}), "one concept per patch, for reference"),
    Preset("pca-small", PcaSpec(**_SIZE | {"epochs": 1}), "principal components, for reference"),
    Preset("topk-large", TopKSpec(**_LARGE), "a hundred thousand photos or more"),
    Preset("archetypal-large", ArchetypalSpec(**_LARGE, n_candidates=16_384), "the same, mixtures of real patches"),
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
