"""The API against its own description: schemathesis with all checks over the demo store, by a real web program.

    python -m benchmarks.conformance [--store .bench/demo-store] [--cases 5000] [--seed 1]

Cases come from the description's examples, from every bound of every parameter, and at random; streams of events are
left out, since they only end after minutes. The store is a copy: jobs are really written down. Prints the number of
cases and every failure, which there must be none of.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.machine import WORK, emit
from tests.serving import serve

CONFIG = Path(__file__).parent.parent / "tests" / "schemathesis.toml"


def check(base: str, *, cases: int, seed: int) -> dict[str, Any]:
    """Run schemathesis until so many cases have been made."""
    made, failures, rounds = 0, [], 0
    while made < cases:
        told = _run(base, seed=seed + rounds)
        made += int(re.findall(r"(\d+) generated", told)[-1])
        failures += re.findall(r"^- (ST\d+ .*)$", told, flags=re.MULTILINE)
        rounds += 1
        if failures:
            sys.stderr.write(told)
            break
    return {"cases": made, "runs": rounds, "failures": failures}


def _run(base: str, *, seed: int) -> str:
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", CONFIG, "run"]
    command += [f"{base}/api/v1/openapi.json", "--exclude-path-regex", "events$"]
    command += ["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--no-color"]
    command += ["--max-examples", "30", "--seed", str(seed), "--workers", "2"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, check=False, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    return done.stdout


def main() -> None:
    """Serve a copy of a store and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=WORK / "demo-store")
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(given.store, Path(folder) / "store"))
        with serve(copy) as base:
            emit(check(base, cases=given.cases, seed=given.seed))


if __name__ == "__main__":
    main()
