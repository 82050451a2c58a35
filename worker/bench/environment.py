"""An environment of its own for the peer, which sees the torch of ours: nothing large is fetched twice."""

import subprocess
import sysconfig
import venv
from pathlib import Path

from store.errors import Unavailable

PEER = "overcomplete"
PEER_VERSION = "0.3.0"
_PACKAGES = (f"{PEER}=={PEER_VERSION}", "einops==0.8.1")


def peer_environment(work: Path) -> Path:
    """The Python of the environment below ``work``, made when it is not there; raises ``Unavailable``."""
    folder = work / f"{PEER}-{PEER_VERSION}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if ready.exists():
        return python
    venv.create(folder, with_pip=True, clear=True)
    own = _output([str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"])
    (Path(own) / "ours.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    # Without dependencies: it asks for packages, among them an older matplotlib, that its autoencoders never use.
    _output([str(python), "-m", "pip", "install", "--quiet", "--no-deps", *_PACKAGES])
    ready.touch()
    return python


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 ours
    except subprocess.CalledProcessError as fault:
        last = (fault.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(
            f"The environment of {PEER} {PEER_VERSION} cannot be made: {last}. "
            "Check that pip reaches a package index, then try again."
        ) from fault
