"""Weights files that a person gave: known by their digests."""

from collections.abc import Sequence
from pathlib import Path

from store.artifacts import sha256_of
from store.errors import InvalidInput
from store.specs import ExtractionSpec


def weights_of(spec: ExtractionSpec, files: Sequence[Path]) -> Path | None:
    """The weights file that activations were made with; None where the model has its own weights."""
    if spec.weights_sha256 is None:
        return None
    found = {weights_digest(file): file for file in files}
    if spec.weights_sha256 not in found:
        given = f", given: {', '.join(f'{file} ({sha[:12]})' for sha, file in found.items())}" if found else ""
        raise InvalidInput(
            f"The activations of {spec.model} at {spec.layer} are not stored, so its weights file is needed again, the "
            f"one with sha256 {spec.weights_sha256[:12]}{given}. Give it by --weights."
        )
    return found[spec.weights_sha256]


def weights_digest(file: Path) -> str:
    """SHA-256 of a weights file that a person gave; raises ``InvalidInput`` when there is none."""
    if not file.is_file():
        raise InvalidInput(f"The weights file '{file}' does not exist; check --weights.")
    return sha256_of(file)
