"""Weights from files, strictly: no pickles, no missing or unexpected names, no wrong shapes."""

import hashlib
import pickle
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from store.errors import Damaged, InvalidInput, Unavailable

State = Mapping[str, Tensor]

SHOWN = 4  # names of each kind in an error
WRAPPERS = ("state_dict", "model", "model_state_dict")  # where training scripts keep the weights in a checkpoint
ZIP_START = b"PK\x03\x04"


def package_file(package: str, inside: str, *, install: str) -> Path:
    """A file of an installed package, found without importing it; Unavailable says how to install it."""
    spec = find_spec(package)
    path = Path(spec.origin).parent / inside if spec is not None and spec.origin is not None else None
    if path is None or not path.is_file():
        raise Unavailable(f"The weights come with the package {package}, which is not installed. Run: {install}")
    return path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state(path: Path) -> dict[str, Tensor]:
    """Named tensors of a safetensors file or a plain torch state dict; a pickled model is never loaded.

    Raises InvalidInput if there is no such file or it holds anything else, Damaged if it is cut off.
    """
    if not path.is_file():
        raise InvalidInput(f"There is no weights file '{path}'. Give a safetensors file or a torch state dict.")
    value = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    return _tensors(_unwrapped(value), path)


def load_strictly(net: nn.Module, state: State, *, source: str) -> None:
    """Load all of ``state`` into ``net``; InvalidInput names what is missing, unexpected or of another shape."""
    wanted = net.state_dict()
    faults = [
        _listed("missing", [name for name in wanted if name not in state]),
        _listed("unexpected", [name for name in state if name not in wanted]),
        _listed("of another shape", _misshapen(wanted, state)),
    ]
    if any(faults):
        text = "; ".join(fault for fault in faults if fault)
        raise InvalidInput(
            f"The weights of {source} do not fit {type(net).__name__}: {text}. Give weights of this model."
        )
    net.load_state_dict(state, strict=True)


def _misshapen(wanted: State, state: State) -> list[str]:
    return [
        f"{name} {list(state[name].shape)} instead of {list(value.shape)}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    ]


def _listed(kind: str, names: Sequence[str]) -> str:
    """``3 missing (a, b, c)``; empty without names."""
    if not names:
        return ""
    more = ", ..." if len(names) > SHOWN else ""
    return f"{len(names)} {kind} ({', '.join(names[:SHOWN])}{more})"


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise Damaged(f"'{path}' is not a whole safetensors file ({error}). Fetch it again.") from error


def _read_torch(path: Path) -> Any:
    with path.open("rb") as file:
        starts_as_zip = file.read(4) == ZIP_START
    if path.stat().st_size == 0 or (starts_as_zip and not zipfile.is_zipfile(path)):
        raise Damaged(f"'{path}' is cut off: it has {path.stat().st_size} bytes and no end. Fetch it again.")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # such a file is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InvalidInput(
            f"'{path}' is neither a safetensors file nor a plain torch state dict. Files that hold Python objects are "
            "never loaded, because loading would run their code; save the model's state_dict() instead."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise Damaged(f"'{path}' cannot be read as torch weights ({error}). Fetch it again.") from error


def _unwrapped(value: Any) -> Any:
    for name in WRAPPERS:
        if isinstance(value, Mapping) and isinstance(value.get(name), Mapping):
            return value[name]
    return value


def _tensors(value: Any, path: Path) -> dict[str, Tensor]:
    if not isinstance(value, Mapping) or not value or not all(isinstance(tensor, Tensor) for tensor in value.values()):
        raise InvalidInput(f"'{path}' holds no named tensors. Give a safetensors file or a torch state dict.")
    return {str(name).removeprefix("module."): tensor for name, tensor in value.items()}
