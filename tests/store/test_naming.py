"""Names of models read together: safe in addresses, within their columns, told apart."""

from store.naming import (
    LAYER_MAX,
    SLUG_MAX,
    TITLE_MAX,
    joint_layer,
    joint_slug,
    joint_title,
    marked,
    universal_slug,
    universal_title,
)
from store.presets import DEMO_STREAMS
from store.specs import ExtractionSpec


def test_the_demos_models() -> None:
    assert joint_slug(DEMO_STREAMS) == "efficientnet-lite0-mobilenet-v2-saliency-vit-s14"
    assert joint_title(DEMO_STREAMS) == "EfficientNet-Lite0 + MobileNetV2 + Saliency ViT-S/14"
    assert joint_layer(DEMO_STREAMS) == "blocks.6 + blocks.6 + blocks.11"
    assert universal_slug(DEMO_STREAMS) == f"universal-{joint_slug(DEMO_STREAMS)}"
    assert universal_title(DEMO_STREAMS) == f"Universal: {joint_title(DEMO_STREAMS)}"


def test_what_does_not_fit_is_cut_and_told_apart() -> None:
    long = [tuple(ExtractionSpec(model=f"timm/{'m' * 60}{n}{m}", layer="l" * 40) for n in range(5)) for m in "ab"]
    for make, limit in (
        (joint_slug, SLUG_MAX),
        (joint_title, TITLE_MAX),
        (universal_slug, SLUG_MAX),
        (universal_title, TITLE_MAX),
    ):
        one, other = map(make, long)
        assert (len(one), len(other)) == (limit, limit)
        assert one != other
    assert len(joint_layer(long[0])) == LAYER_MAX
    assert len(marked("a" * SLUG_MAX, 1)) == SLUG_MAX
    assert marked("a", 1) != marked("a", 2)
