"""A universal dictionary on disk: ``weights.safetensors`` and ``universal.json``, no pickle."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from store.errors import Damaged, NewerFormat, NotFound
from store.grid import Grid
from store.specs import canonical_json
from store.universal import UniversalSpec
from worker.dictionaries.files import WEIGHTS
from worker.universal.dictionary import UniversalDictionary
from worker.universal.pairing import PairedStore
from worker.universal.training import make_universal

FORMAT = 1
DESCRIPTION = "universal.json"


class StreamFacts(BaseModel):
    """One stream of a universal dictionary: which model and layer, and the activations it learned from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str
    layer: str
    width: int
    activations: str


class UniversalFacts(BaseModel):
    """``universal.json``: everything but the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: int
    spec: UniversalSpec
    streams: tuple[StreamFacts, ...]
    grid_rows: int
    grid_cols: int

    @property
    def grid(self) -> Grid:
        """The grid on which the streams met."""
        return Grid(self.grid_rows, self.grid_cols)


def describe(spec: UniversalSpec, paired: PairedStore) -> UniversalFacts:
    """What is to be known of a dictionary that learned from these streams."""
    streams = tuple(
        StreamFacts(model=store.model, layer=store.layer, width=store.stored.width, activations=store.artifact.digest)
        for store in paired.stores
    )
    return UniversalFacts(
        format=FORMAT, spec=spec, streams=streams, grid_rows=paired.grid.rows, grid_cols=paired.grid.cols
    )


def save_universal(universal: UniversalDictionary, facts: UniversalFacts, directory: Path) -> None:
    """Write the two files; equal dictionaries give equal bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in universal.state_dict().items()}
    save_file(state, directory / WEIGHTS)
    (directory / DESCRIPTION).write_text(canonical_json(facts.model_dump(mode="json")) + "\n", encoding="utf-8")


def load_universal(directory: Path) -> tuple[UniversalDictionary, UniversalFacts]:
    """Read what ``save_universal`` wrote; the codes it gives are the same bit for bit.

    Raises ``NotFound`` when a file is missing, ``Damaged`` when one cannot be read, ``NewerFormat`` when it was
    written by a later version.
    """
    for name in (DESCRIPTION, WEIGHTS):
        if not (directory / name).is_file():
            raise NotFound("universal dictionary file", str(directory / name), remedy="Train the dictionary again.")
    facts = _facts(directory / DESCRIPTION)
    try:
        universal = make_universal(facts.spec, widths_of(facts.streams))
        universal.load_state_dict(load_file(directory / WEIGHTS), strict=True)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise Damaged(f"The universal dictionary in {directory} cannot be read ({error}); train it again.") from error
    universal.train(mode=False)
    return universal, facts


def read_facts(directory: Path) -> UniversalFacts:
    """Everything but the weights; raises ``Damaged`` or ``NewerFormat``."""
    return _facts(directory / DESCRIPTION)


def widths_of(streams: Sequence[StreamFacts]) -> tuple[int, ...]:
    """Widths in the order of the streams."""
    return tuple(stream.width for stream in streams)


def _facts(path: Path) -> UniversalFacts:
    try:
        described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = int(described["format"])
        if version > FORMAT:
            raise NewerFormat(f"{path} has format {version}, this version reads up to {FORMAT}; update conceptoscope.")
        return UniversalFacts.model_validate(described)
    except (OSError, ValidationError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path} cannot be read ({error}); train the dictionary again.") from error
