"""Models in the catalog, alone and read together."""

from store.catalog.models import list_models, save_joint_model
from store.catalog.session import Catalog
from store.presets import DEMO_STREAMS


def test_the_same_models_read_elsewhere_are_another_row(catalog: Catalog) -> None:
    other = (DEMO_STREAMS[0].model_copy(update={"layer": "blocks.4"}), *DEMO_STREAMS[1:])
    with catalog.session() as session:
        first, second = save_joint_model(session, DEMO_STREAMS), save_joint_model(session, other)
        assert first.slug == "efficientnet-lite0-mobilenet-v2-saliency-vit-s14"
        assert first.facts["streams"][1] == {"model": "mobilenet-v2", "title": "MobileNetV2", "layer": "blocks.6"}
        assert second.slug.startswith(f"{first.slug}-")
        assert second.facts["streams"][0]["layer"] == "blocks.4"
    with catalog.session() as session:
        assert save_joint_model(session, DEMO_STREAMS).id == first.id
        assert save_joint_model(session, other).id == second.id
        assert len(list_models(session)) == 2
