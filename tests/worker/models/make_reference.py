"""Writes the reference values: what the source networks themselves say about drawn images.

    python -m tests.worker.models.make_reference

Each source network runs in an environment of its own packages: efficientnet_lite_pytorch (logits), Keras on its torch
backend (probabilities), onnxruntime (tokens). The inputs are the last two of the drawn images at the model's own size.
Of the transformer's 257 tokens the class token and every 32nd patch are kept, so that the file stays small.
"""

import json
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from tests.worker.models.own_environment import REFERENCE, install, normalised, run_source
from worker.models.registry import load_model, model_names

N_IMAGES = 2
EVERY = 32


def kept(name: str, output: Tensor) -> Tensor:
    """The part of a source network's output that is stored."""
    return output[:, ::EVERY].contiguous() if name == "saliency-vit-s14" else output


def main() -> None:
    found: dict[str, Tensor] = {}
    for name in model_names():
        with tempfile.TemporaryDirectory() as folder:
            installed, scratch = Path(folder) / "packages", Path(folder)
            install(name, installed)
            images = normalised(load_model(name).preprocessing, N_IMAGES)
            found[name] = kept(name, torch.from_numpy(run_source(name, images, installed=installed, scratch=scratch)))
    REFERENCE.write_text(as_text(found), encoding="utf-8")


def as_text(found: dict[str, Tensor]) -> str:
    """JSON with a line per output: its shape, and its values to seven digits."""
    lines = [
        f'"{name}": {{"shape": {json.dumps(list(output.shape))}, "values": [{values(output)}]}}'
        for name, output in found.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def values(output: Tensor) -> str:
    return ",".join(f"{value:.7g}" for value in output.flatten().tolist())


def read_reference(name: str) -> Tensor:
    """The stored output of a source network."""
    stored = json.loads(REFERENCE.read_text(encoding="utf-8"))[name]
    return torch.tensor(stored["values"]).reshape(stored["shape"])


if __name__ == "__main__":
    main()
