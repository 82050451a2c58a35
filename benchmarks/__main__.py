"""Run all benchmarks one after the other and keep their results in ``.bench/results.json``."""

import json
import subprocess
import sys

from benchmarks.machine import WORK, describe_machine

BENCHMARKS = (
    "extraction",
    "topk_step",
    "archetypal_step",
    "alignment",
    "clusters",
    "demo",
    "web",
    "load",
    "counting",
    "jobs",
    "kills",
    "fuzz",
    "uploads",
    "encoder",
    "conformance",
    "api",
    "interactions",
    "tasks",
)


def main() -> None:
    """Run those named on the command line, or all."""
    chosen = sys.argv[1:] or BENCHMARKS
    WORK.mkdir(exist_ok=True)
    path = WORK / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    results["machine"] = describe_machine()
    for name in chosen:
        if name not in BENCHMARKS:
            sys.exit(f"No benchmark named '{name}'; there are {', '.join(BENCHMARKS)}.")
        print(f"== {name}", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], check=True, stdout=subprocess.PIPE, text=True
        )
        results[name] = json.loads(done.stdout)
        path.write_text(json.dumps(results, indent=1))
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
