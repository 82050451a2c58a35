"""A step of the set-up, its stamp, and how commands are run and faults are told."""

import hashlib
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAMPS = ROOT / ".setup"


class SetupFailed(Exception):
    """The set-up cannot go on; the text is one line that says why and what to do."""


@dataclass(frozen=True)
class Step:
    """One thing to set up. It is fresh while its stamp holds the key of its inputs and its outputs exist.

    ``inputs`` are files whose content the result depends on, ``pins`` any other text it depends on. A step without
    inputs and pins has nothing to compare and is asked each time: its ``run`` must be quick when nothing is to do.
    """

    name: str
    doing: str
    run: Callable[[], None]
    inputs: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()
    pins: str = ""
    stamps: Path = STAMPS

    @property
    def stamp(self) -> Path:
        """Where the key is kept: beside the outputs if they can go all at once, as a virtual environment can."""
        return self.stamps / f"{self.name}.stamp"

    def key(self) -> str:
        """Digest of everything that the result depends on; a missing input counts as empty."""
        digest = hashlib.sha256(f"{self.name}\0{self.pins}".encode())
        for path in self.inputs:
            content = path.read_bytes() if path.is_file() else b""
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()

    def is_fresh(self) -> bool:
        """Whether there is nothing to do."""
        if not (self.inputs or self.pins) or not all(path.exists() for path in self.outputs):
            return False
        return self.stamp.is_file() and self.stamp.read_text(encoding="ascii") == self.key()

    def do(self) -> None:
        """Run, then stamp: an interrupted or failed step is run again next time."""
        self.stamp.unlink(missing_ok=True)
        self.run()
        missing = [path for path in self.outputs if not path.exists()]
        if missing:
            raise SetupFailed(f"{self.name}: {missing[0]} is missing after the step; please report this.")
        self.stamp.write_text(self.key(), encoding="ascii")


def run_command(*command: str | Path, remedy: str, env: Mapping[str, str] | None = None) -> None:
    """Run a command in the checkout with its output shown and no input; a failure becomes one line with the remedy."""
    try:
        subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, env=env)
    except subprocess.CalledProcessError as error:
        told = " ".join(str(word) for word in command)
        raise SetupFailed(f"'{told}' failed with status {error.returncode}. {remedy}") from error
    except OSError as error:
        raise SetupFailed(f"{error}. {remedy}") from error
