"""A builder in a process of its own, which does one step for each line of its input: ``python -m`` this module.

Its guard knows from files who is lost: ``<lost>/<holder>``.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.artifacts import Artifact, Artifacts, Draft, open_artifacts
from store.errors import ConceptoscopeError, Unavailable
from store.settings import Settings
from store.specs import AtlasSpec
from store.vocabulary import Kind

SPEC = AtlasSpec(seed=3)
INPUTS = {"dictionary": "abc"}


@dataclass
class FileGuard:
    """A guard whose truth lies in a folder; a careless one never notices that it is lost itself."""

    holder: str
    lost: Path
    is_careless: bool = False
    n_waits: int = 0

    def is_lost(self, holder: str) -> bool:
        """Whether there is a file of that name."""
        return (self.lost / holder).exists()

    def waiting(self, what: str) -> None:
        """Count, and stop when there is a file ``stop``."""
        self.n_waits += 1
        if (self.lost / "stop").exists():
            raise Unavailable(f"{self.holder} no longer waits for {what}")

    def check(self) -> None:
        """Refuse when we are lost."""
        if not self.is_careless and self.is_lost(self.holder):
            raise Unavailable(f"{self.holder} has been declared lost")


def build(artifacts: Artifacts, *, text: str) -> Artifact:
    """Build and publish, or take what was found while we waited."""
    with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        if draft.found is not None:
            return draft.found
        write(draft, text=text)
        return artifacts.publish(draft)


def write(draft: Draft, *, text: str) -> None:
    """A shard with its hidden checksum, like an extraction's, unless there is one; then the result."""
    shard = draft.path / "shard.bin"
    if not shard.exists():
        shard.write_text(f"shard of {text}")
        (draft.path / ".shard.sha256").write_text("its checksum")
    (draft.path / "a.txt").write_text(text)


class Builder:
    """The other side: starts the process and tells it what to do."""

    def __init__(self, settings: Mapping[str, Any], guard: FileGuard | None, *, text: str) -> None:
        facts = {"settings": dict(settings), "text": text, "guard": None}
        if guard is not None:
            facts["guard"] = {"holder": guard.holder, "lost": str(guard.lost), "is_careless": guard.is_careless}
        command = [sys.executable, "-m", __name__, json.dumps(facts)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        """Let it do the next step."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        """Let it stand still, wherever it is."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it run again."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, and forget it."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def main() -> None:
    """Take the lock, write, publish; say what happened after each."""
    facts = json.loads(sys.argv[1])
    guard = FileGuard(**facts["guard"] | {"lost": Path(facts["guard"]["lost"])}) if facts["guard"] else None
    artifacts = open_artifacts(Settings(**facts["settings"]), guard=guard)
    try:
        with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
            say(f"found {draft.found.digest}" if draft.found else f"holds {draft.path.name}")
            sys.stdin.readline()
            write(draft, text=facts["text"])
            say("written")
            sys.stdin.readline()
            say(f"published {artifacts.publish(draft).digest}")
    except ConceptoscopeError as fault:
        say(f"failed {fault}")


def say(text: str) -> None:
    """One line to who started us."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
