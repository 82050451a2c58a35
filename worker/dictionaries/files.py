"""A dictionary on disk: ``weights.safetensors`` and ``dictionary.json``, no pickle."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from store.errors import Damaged, NewerFormat, NotFound
from store.methods import load_dictionary_spec
from store.specs import canonical_json
from worker.dictionaries.base import Dictionary
from worker.dictionaries.registry import make_dictionary

FORMAT = 1
WEIGHTS = "weights.safetensors"
DESCRIPTION = "dictionary.json"


def save_dictionary(dictionary: Dictionary, directory: Path) -> None:
    """Write the two files; equal dictionaries give equal bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in dictionary.state_dict().items()}
    save_file(state, directory / WEIGHTS)
    described = {"format": FORMAT, "width": dictionary.width, "spec": dictionary.spec.as_json()}
    (directory / DESCRIPTION).write_text(canonical_json(described) + "\n", encoding="utf-8")


def load_dictionary(directory: Path) -> Dictionary:
    """Read what ``save_dictionary`` wrote; the codes it gives are the same bit for bit.

    Raises ``NotFound`` when a file is missing, ``Damaged`` when one cannot be read, ``NewerFormat`` when it was
    written by a later version.
    """
    for name in (DESCRIPTION, WEIGHTS):
        if not (directory / name).is_file():
            raise NotFound("dictionary file", str(directory / name), remedy="Train the dictionary again.")
    described = _described(directory / DESCRIPTION)
    try:
        dictionary = make_dictionary(load_dictionary_spec(described["spec"]), int(described["width"]))
        dictionary.load_state_dict(load_file(directory / WEIGHTS), strict=True)
    except (SafetensorError, ValidationError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise Damaged(f"The dictionary in {directory} cannot be read ({error}); train it again.") from error
    return dictionary.eval()


def _described(path: Path) -> dict[str, Any]:
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        version = int(described["format"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path} cannot be read ({error}); train the dictionary again.") from error
    if version > FORMAT:
        raise NewerFormat(f"{path} has format {version}, this version reads up to {FORMAT}; update conceptoscope.")
    return dict(described)
