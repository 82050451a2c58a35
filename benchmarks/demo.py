"""The demo from an empty store until its page answers, then again: wall time, peak memory, longest silence."""

import argparse
import itertools
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.machine import WORK, emit

_LIMIT_S = 1800


class Watched:
    """A demo process, watched until its page answers."""

    def __init__(self, store: Path) -> None:
        command = [sys.executable, "-m", "worker.cli", "demo", "--store", str(store), "--port", str(_free_port())]
        self.port = int(command[-1])
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines: list[tuple[float, str]] = [(0.0, "")]
        self.peak_bytes = 0
        threading.Thread(target=self._read, daemon=True).start()

    def run(self) -> dict[str, Any]:
        """Wait for the page, end the process, and say what was seen."""
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - self.started > _LIMIT_S:
                sys.exit("the demo ended or took too long:\n" + "\n".join(line for _, line in self.lines[-20:]))
            self._note_memory()
            time.sleep(0.2)
        seconds = time.monotonic() - self.started
        self.process.terminate()
        self.process.wait(timeout=30)
        times = [at for at, _ in self.lines] + [seconds]
        silences = [b - a for a, b in itertools.pairwise(times)]
        return {
            "seconds_until_the_page_answers": round(seconds, 1),
            "peak_memory_gib": round(self.peak_bytes / 2**30, 2),
            "longest_silence_s": round(max(silences), 1),
            "jobs": [line.strip() for _, line in self.lines if "done in" in line],
        }

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append((time.monotonic() - self.started, line.rstrip()))

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def _note_memory(self) -> None:
        try:
            family = [psutil.Process(self.process.pid)]
            family += family[0].children(recursive=True)
            self.peak_bytes = max(self.peak_bytes, sum(p.memory_info().rss for p in family))
        except psutil.NoSuchProcess:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Measure a first and a second run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=WORK / "demo-store")
    store = parser.parse_args().store
    shutil.rmtree(store, ignore_errors=True)
    first = Watched(store).run()
    emit({"first": first, "second": Watched(store).run(), "bars": {"first_s": 360, "second_s": 10, "memory_gib": 4}})


if __name__ == "__main__":
    main()
