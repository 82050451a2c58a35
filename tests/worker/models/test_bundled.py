"""What the store says of the bundled models is what the networks do."""

import pytest

from store.bundled import BUNDLED
from worker.models.registry import load_model, model_names

pytestmark = pytest.mark.slow


def test_all_bundled_models_are_described() -> None:
    assert tuple(BUNDLED) == model_names()


@pytest.mark.parametrize("name", BUNDLED)
def test_layers_widths_and_grids_are_the_networks(name: str) -> None:
    said, model = BUNDLED[name], load_model(name)
    assert (said.height_px, said.width_px) == (model.preprocessing.height_px, model.preprocessing.width_px)
    assert tuple(layer.name for layer in said.layers) == model.layers
    for size in [(None, None), (320, 576)] if name != "saliency-vit-s14" else [(None, None), (168, 294)]:
        window = model.window(*size)
        for layer in said.layers:
            geometry = model.geometry(layer.name, window)
            assert geometry.width == layer.width
            assert geometry.n_prefix == said.n_class
            assert said.grid(layer, *size) == geometry.grid
