"""A worker killed (SIGKILL) at random moments of the demo's pipeline, each time started again, against an unkilled run.

After every kill nothing half published may be seen; at the end every artifact must be the one of the unkilled run.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import WORK, emit
from store.artifacts import Artifacts
from store.catalog.jobs import get_job, list_members, submit_job
from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import JobState, Kind
from worker.demo import demo_pipeline, find_demo_photos

_BEFORE_KILL_S = (1.0, 45.0)
_LONGEST_S = 3600.0


def main() -> None:
    """The unkilled run, then runs with kills until there were enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--per-run", type=int, default=17, help="kills of one run at the most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    rng = random.Random(options.seed)
    with TemporaryDirectory(dir=WORK) as folder:
        whole = Pipeline(Path(folder) / "whole")
        whole_s = whole.go(rng, n_kills=0)
        wanted = whole.published()
        runs: list[dict[str, Any]] = []
        while (left := options.kills - sum(len(run["kills"]) for run in runs)) > 0:
            one = Pipeline(Path(folder) / f"run-{len(runs)}")
            seconds = one.go(rng, n_kills=min(left, options.per_run))
            same = one.published() == wanted
            runs.append({"seconds": round(seconds, 1), "kills": one.killed, "same": same, "half": one.half_published})
            print(json.dumps(runs[-1]), file=sys.stderr)
    emit({"unkilled_s": round(whole_s, 1), "artifacts": {k: len(v) for k, v in wanted.items()}, "runs": runs})


class Pipeline:
    """The demo's pipeline over a store of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.settings = Settings(store=folder)
        self.catalog = Catalog(self.settings.catalog_url)
        with self.catalog.session() as session:
            self.job = submit_job(session, demo_pipeline(find_demo_photos(self.settings))).id
        self.killed: list[str] = []
        self.half_published: list[str] = []

    def go(self, rng: random.Random, *, n_kills: int) -> float:
        """Work until the pipeline has ended, killed so many times on the way; returns the seconds."""
        started = time.monotonic()
        while True:
            process = self._worker()
            try:
                if len(self.killed) == n_kills:
                    assert self._ends_within(_LONGEST_S), "the pipeline did not end"
                    break
                if self._ends_within(rng.uniform(*_BEFORE_KILL_S)):
                    break
                self.killed.append(self._where())
                process.send_signal(signal.SIGKILL)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                process.wait(timeout=30)
            self.half_published += self._half()
        with self.catalog.session() as session:
            row = get_job(session, self.job)
        assert row.state == JobState.SUCCEEDED, row.failure
        return time.monotonic() - started

    def published(self) -> dict[str, list[str]]:
        """Digests of all artifacts, every file checked."""
        artifacts = Artifacts(self.settings.store)
        for kind in Kind:
            for artifact in artifacts.list(kind):
                artifact.verify()
        return {kind.value: [artifact.digest for artifact in artifacts.list(kind)] for kind in Kind}

    def _half(self) -> list[str]:
        """Artifacts that are visible and not whole."""
        artifacts = Artifacts(self.settings.store)
        found = [artifact for kind in Kind for artifact in artifacts.list(kind)]
        return [str(one.path) for one in found if not _is_whole(one.path, one.digest)]

    def _worker(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "worker.cli", "worker", "--name", "kills", "--store", str(self.settings.store)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"HF_HUB_OFFLINE": "1"})

    def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.catalog.session() as session:
                if JobState(get_job(session, self.job).state).is_final:
                    return True
            time.sleep(0.05)
        return False

    def _where(self) -> str:
        """What ran at this moment."""
        with self.catalog.session() as session:
            rows = list_members(session, self.job)
        return "; ".join(f"{row.title}: {row.note}" for row in rows if row.state == JobState.RUNNING) or "nothing"


def _is_whole(path: Path, digest: str) -> bool:
    artifact = Artifacts(path.parent.parent).get(Kind(path.parent.name), digest)
    sizes = {name: (path / name).stat().st_size for name in artifact.manifest.files if (path / name).exists()}
    return artifact.manifest.digest == digest and sizes == {n: e.n_bytes for n, e in artifact.manifest.files.items()}


if __name__ == "__main__":
    main()
