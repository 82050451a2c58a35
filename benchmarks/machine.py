"""What a figure was measured on, and how results are printed."""

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

WORK = Path(".bench")


def describe() -> dict[str, Any]:
    """Processor, cores, memory and the versions that matter."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "timm", "duckdb", "fastapi", "numpy")},
    }


def emit(result: dict[str, Any]) -> None:
    """Print a benchmark's result as JSON on standard output; everything else goes to standard error."""
    json.dump(result, sys.stdout, indent=1)
    print()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
