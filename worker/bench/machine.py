"""What a figure was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from store.version import VERSION

_CPU_FACTS = Path("/proc/cpuinfo")
_PACKAGES = ("torch", "timm", "numpy", "scipy", "scikit-learn", "duckdb", "fastapi")


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, accelerator, and the versions that matter, as plain JSON values."""
    n_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(n_bytes / 2**30, 1),
        "accelerator": _accelerator(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "conceptoscope": VERSION,
        **{name: version(name) for name in _PACKAGES},
    }


def _accelerator() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _processor() -> str:
    lines = _CPU_FACTS.read_text().splitlines() if _CPU_FACTS.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())
