"""Models by name: unknown names, lazy imports, a hub out of reach, devices, the torchvision mend."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from store.errors import InvalidInput, NotFound, Unavailable
from worker.device import pick_device
from worker.models import torchvision_cpu
from worker.models.registry import load_model, model_names


def test_the_registry_imports_no_torch() -> None:
    code = "import sys, worker.models.registry, worker.device; print(sorted({'torch', 'timm'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "near"),
    [("mobilenetv2", "mobilenet-v2"), ("efficientnet-lite3", "efficientnet-lite2"), ("timm/resnet5", "resnet50")],
)
def test_unknown_names_list_the_near_ones(name: str, near: str) -> None:
    with pytest.raises(NotFound, match=near):
        load_model(name)


def test_the_bundled_models_are_named() -> None:
    assert model_names() == (
        *(f"efficientnet-lite{size}" for size in range(3)),
        "mobilenet-v2",
        "saliency-vit-s14",
    )


@pytest.mark.parametrize("offline", [True, False])
def test_a_hub_out_of_reach_says_how_to_give_a_file(
    offline: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(Unavailable, match="--weights FILE"):
        load_model("timm/resnet10t")
    assert time.monotonic() - start < 20  # the client's own retries would take 45 s
    assert constants.HF_HUB_OFFLINE is offline


def test_models_without_pretrained_weights_say_so() -> None:
    with pytest.raises(Unavailable, match="no pretrained weights"):
        load_model("timm/convnext_atto_rms")


def test_devices() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device().type in ("cpu", "cuda", "mps")
    assert pick_device("auto") == pick_device()
    with pytest.raises(InvalidInput, match="toaster"):
        pick_device("toaster")
    with pytest.raises(InvalidInput, match="meta"):
        pick_device("meta")
    with pytest.raises(Unavailable, match="cuda:99"):
        pick_device("cuda:99")


@pytest.mark.parametrize(
    ("torchvision", "cuda", "hip", "expected"),
    [
        ("0.28.0+cu130", None, None, True),
        ("0.28.0+cpu", None, None, False),
        ("0.28.0", None, None, False),
        ("0.28.0+cu130", "13.0", None, False),
        ("0.28.0+cu130", None, "6.4", False),
        ("", None, None, False),
    ],
)
def test_operators_are_declared_only_for_a_cuda_torchvision_beside_a_cpu_torch(
    torchvision: str, cuda: str | None, hip: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    assert torchvision_cpu.needs_operators(torchvision) is expected


@pytest.mark.slow
def test_the_version_is_read_without_importing() -> None:
    code = (
        "import sys; from worker.models.torchvision_cpu import torchvision_version as v; "
        "assert 'torchvision' not in sys.modules; print(v()); import worker.models.torchvision_cpu as t; "
        "t.import_timm(); import torchvision; print(torchvision.version.__version__)"
    )
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    read, imported = run.stdout.split()
    assert read == imported
