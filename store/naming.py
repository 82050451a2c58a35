"""What models, and several of them together, are called in addresses and by people."""

from collections.abc import Sequence
from typing import Final

from store.bundled import BUNDLED
from store.errors import InvalidInput
from store.specs import ExtractionSpec, digest_of

SLUG_MAX: Final = 120
TITLE_MAX: Final = 200
LAYER_MAX: Final = 120
_TAIL: Final = 8


def model_slug(name: str) -> str:
    """A model's name as part of an address: ``timm/resnet50.a1_in1k`` -> ``timm-resnet50-a1-in1k``."""
    slug = "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")
    if not slug:
        raise InvalidInput(f"The model name '{name}' has no letter or digit.")
    return slug


def model_title(name: str) -> str:
    """A model's name as people write it."""
    return BUNDLED[name].title if name in BUNDLED else name.removeprefix("timm/")


def joint_slug(streams: Sequence[ExtractionSpec]) -> str:
    """The models of several streams as part of an address."""
    return _within(model_slug("+".join(stream.model for stream in streams)), SLUG_MAX)


def joint_title(streams: Sequence[ExtractionSpec]) -> str:
    """The models of several streams as people write them: ``EfficientNet-Lite0 + MobileNetV2``."""
    return _within(" + ".join(model_title(stream.model) for stream in streams), TITLE_MAX)


def joint_layer(streams: Sequence[ExtractionSpec]) -> str:
    """The layers of several streams in the order of their models: ``blocks.6 + blocks.11``."""
    return _within(" + ".join(stream.layer for stream in streams), LAYER_MAX)


def universal_slug(streams: Sequence[ExtractionSpec]) -> str:
    """What a universal dictionary is called in addresses where nobody has said it."""
    return _within(f"universal-{joint_slug(streams)}", SLUG_MAX)


def universal_title(streams: Sequence[ExtractionSpec]) -> str:
    """What a universal dictionary is called where nobody has said it."""
    return _within(f"Universal: {joint_title(streams)}", TITLE_MAX)


def marked(slug: str, value: object) -> str:
    """A slug that tells apart what would be called the same; equal values give equal marks."""
    return f"{slug[: SLUG_MAX - _TAIL - 1]}-{digest_of(value)[:_TAIL]}"


def _within(text: str, limit: int) -> str:
    """The text, or as much as fits with a mark that stands for the rest."""
    return text if len(text) <= limit else f"{text[: limit - _TAIL - 1]}-{digest_of(text)[:_TAIL]}"
