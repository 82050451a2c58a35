"""A training run put aside on disk, one file per dictionary, and taken up again bit for bit."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from store.errors import InvalidInput
from worker.training import team
from worker.training.learners import Learner

FORMAT = 1
_START = "checkpoint-"


@dataclass(frozen=True, order=True)
class Position:
    """Where in the data a run stands: this many batches of this epoch are done."""

    epoch: int
    batch: int


def _file(directory: Path, position: Position) -> Path:
    return directory / f"{_START}{position.epoch:06d}-{position.batch:09d}.safetensors"


def _positions(directory: Path) -> set[Position]:
    names = [path.stem.removeprefix(_START) for path in directory.glob(f"{_START}*.safetensors")]
    return {Position(*map(int, name.split("-"))) for name in names}


class Checkpoints:
    """One directory per dictionary of a run. The newest position that all of them have is the one to go on from."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self.directories = tuple(directories)

    def save(self, learners: Sequence[Learner], position: Position) -> None:
        """Write all files, each in one atomic step, then remove the older ones; of several processes the first does."""
        if team.rank() > 0:
            return
        for directory, learner in zip(self.directories, learners, strict=True):
            facts = {"format": FORMAT, "spec": learner.spec.digest, "torch": torch.__version__, **learner.facts()}
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in learner.tensors().items()}
            path = _file(directory, position)
            draft = path.with_suffix(".draft")
            save_file(tensors, draft, metadata={"facts": json.dumps(facts)})
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
        for directory in self.directories:
            for old in _positions(directory) - {position}:
                _file(directory, old).unlink()

    def load(self, learners: Sequence[Learner]) -> Position | None:
        """Bring all learners to the newest common position; None when there is none.

        Raises ``InvalidInput`` when a checkpoint belongs to another spec.
        """
        common = set.intersection(*(_positions(directory) for directory in self.directories))
        if not common:
            return None
        position = max(common)
        read = [_read(_file(directory, position)) for directory in self.directories]
        for learner, (tensors, facts), directory in zip(learners, read, self.directories, strict=True):
            if facts["spec"] != learner.spec.digest:
                raise InvalidInput(
                    f"The checkpoint in {directory} belongs to another spec (digest {facts['spec'][:12]}, not "
                    f"{learner.spec.digest[:12]}): give the spec it was made with, or another directory."
                )
            learner.restore(tensors, facts)
        return position

    def clear(self) -> None:
        """Remove all files: the run is over."""
        if team.rank() > 0:
            return
        for directory in self.directories:
            for position in _positions(directory):
                _file(directory, position).unlink()


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = json.loads(file.metadata()["facts"])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 not a dict
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"The checkpoint {path} cannot be read ({error}); delete it to start again.") from error
