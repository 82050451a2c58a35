"""Presets: named specs with what to expect of them, and the demo's list of dictionaries."""

from dataclasses import dataclass
from typing import Any, Final

from store.errors import NotFound
from store.methods import ArchetypalSpec, DictionarySpec, TopKSpec
from store.specs import ClassRule, CollectionSpec, ExtractionSpec
from store.vocabulary import Fit


@dataclass(frozen=True)
class Preset:
    """A named dictionary spec and when to take it."""

    name: str
    spec: DictionarySpec
    note: str


# Found on the demo's tokens: with few tokens a strong auxiliary loss that sets in early keeps every concept alive.
_SMALL: Final[dict[str, Any]] = {
    "n_concepts": 384,
    "n_active": 12,
    "epochs": 12,
    "batch_tokens": 1024,
    "lr": 0.01,
    "aux_weight": 0.25,
    "encoder_decay": 0.02,
    "dead_after_tokens": 10_000,
}
# The saliency model's tokens say little more than figure and ground: fewer concepts, fewer at once.
_FEWER: Final = _SMALL | {"n_concepts": 256, "n_active": 8, "epochs": 10}

PRESETS = (
    Preset(
        "topk-small",
        TopKSpec(**_SMALL),
        "a TopK dictionary for some hundred photos: seconds to train",
    ),
    Preset(
        "topk-large",
        TopKSpec(n_concepts=6144, n_active=32, epochs=10, batch_tokens=4096, lr=1e-3, dead_after_tokens=1_000_000),
        "a TopK dictionary for a hundred thousand photos or more",
    ),
    Preset(
        "archetypal-small",
        ArchetypalSpec(n_candidates=1024, relaxation=0.3, **_SMALL),
        "atoms that are mixtures of real patches, for some hundred photos",
    ),
    Preset(
        "archetypal-large",
        ArchetypalSpec(
            n_concepts=6144, n_active=32, epochs=10, lr=1e-3, n_candidates=16_384, dead_after_tokens=1_000_000
        ),
        "atoms that are mixtures of real patches, for a hundred thousand photos or more",
    ),
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
        ArchetypalSpec(n_candidates=1024, relaxation=0.3, **_SMALL),
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
