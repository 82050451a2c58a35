"""Where results of benchmarks go, and how they are printed; the machine is described by ``worker.bench.machine``."""

import json
import sys
from pathlib import Path
from typing import Any

from worker.bench.machine import describe_machine

__all__ = ["WORK", "describe_machine", "emit"]

WORK = Path(".bench")


def emit(result: dict[str, Any]) -> None:
    """Print a benchmark's result as JSON on standard output; everything else goes to standard error."""
    json.dump(result, sys.stdout, indent=1)
    print()
