"""The set-up: done once, done again when what it depends on changes, and never half done."""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from setup.__main__ import STEPS, chosen
from setup.environment import CONSTRAINTS, plain_pins
from setup.node import NPM_QUIET, SCRIPTS, NpmPin, check_integrity, unpack_photos
from setup.step import SetupFailed, Step
from tests.architecture.sources import ROOT


def make_step(folder: Path, *, runs: list[int], makes: bool = True) -> Step:
    def run() -> None:
        runs.append(1)
        if makes:
            (folder / "output").write_text("made")

    inputs, outputs = (folder / "input",), (folder / "output",)
    return Step(name="s", doing="a step", run=run, inputs=inputs, outputs=outputs, pins="1", stamps=folder)


def test_a_step_is_fresh_until_its_input_changes(tmp_path: Path) -> None:
    step = make_step(tmp_path, runs=[])
    assert not step.is_fresh()
    step.do()
    assert step.is_fresh()
    (tmp_path / "input").write_text("changed")
    assert not step.is_fresh()


def test_a_step_is_done_again_when_its_output_is_gone(tmp_path: Path) -> None:
    step = make_step(tmp_path, runs=[])
    step.do()
    (tmp_path / "output").unlink()
    assert not step.is_fresh()


def test_a_step_without_its_output_leaves_no_stamp(tmp_path: Path) -> None:
    step = make_step(tmp_path, runs=[], makes=False)
    with pytest.raises(SetupFailed, match="output is missing"):
        step.do()
    assert not list(tmp_path.glob("*.stamp"))


def test_an_unknown_step_is_named_with_the_known_ones() -> None:
    with pytest.raises(SetupFailed, match=r"'photo'.*photos"):
        chosen(["photo"])
    assert [step.name for step in chosen(["photos", "venv"])] == ["venv", "photos"]
    assert chosen([]) == list(STEPS)


def test_local_versions_are_dropped_and_places_refused() -> None:
    assert plain_pins("torch==2.13.0+cpu\nAlembic==1.0\n") == "alembic==1.0\ntorch==2.13.0\n"
    with pytest.raises(SetupFailed, match="Cannot pin"):
        plain_pins("torch @ file:///wheels/torch.whl\n")


def test_constraints_agree_with_the_project() -> None:
    pinned = {line.split("==")[0]: line for line in CONSTRAINTS.read_text().splitlines() if "==" in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(chain(*project["optional-dependencies"].values()))
    ours = [name for name in wanted if not name.startswith("conceptoscope")]
    assert {name: pinned.get(name.split("==")[0]) for name in ours} == {name: name for name in ours}
    assert pinned["torch"] == "torch==2.13.0"
    for need in map(Requirement, project["dependencies"]):  # the client's are ranges
        assert need.specifier.contains(pinned[need.name].partition("==")[2]), need


def test_the_lock_file_pins_content_and_names_no_host() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    wanted = {f"node_modules/{name}" for name in (*SCRIPTS, "axe-core")}
    assert set(packages) - {"node_modules/@scarf/scarf"} == wanted
    assert "--ignore-scripts" in NPM_QUIET  # that one would count installations
    assert all(
        package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages.values()
    )


def pack(folder: Path, names: list[str]) -> Path:
    archive = folder / "package.tgz"
    with tarfile.open(archive, "w:gz") as package:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            package.addfile(member, io.BytesIO(b"x"))
    return archive


def test_only_wanted_files_are_unpacked_and_none_outside(tmp_path: Path) -> None:
    names = [
        "package/assets/A001.jpeg",
        "package/LICENSE",
        "package/README.md",
        "package/index.ts",
        "../assets/../B.jpeg",
    ]
    unpack_photos(pack(tmp_path, names), tmp_path / "out")
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"package.tgz", "out/assets/A001.jpeg", "out/licence/LICENSE", "out/licence/README.md"}


def test_a_package_of_other_content_is_refused(tmp_path: Path) -> None:
    archive = pack(tmp_path, ["package/LICENSE"])
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    check_integrity(archive, NpmPin(name="p", version="1", integrity=f"sha512-{digest}"))
    with pytest.raises(SetupFailed, match="not what was pinned"):
        check_integrity(archive, NpmPin(name="p", version="1", integrity="sha512-AAAA"))


def test_an_old_python_is_told_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(["make", "setup", f"PYTHON={old}"], cwd=ROOT, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    assert len(told) == 1
    assert "Python 3.11" in told[0]


def test_a_missing_npm_is_told_in_one_line(tmp_path: Path) -> None:
    """A path with everything that the check needs, but npm."""
    for program, target in {"python3": sys.executable, "sh": shutil.which("sh"), "make": shutil.which("make")}.items():
        (tmp_path / program).symlink_to(str(target))
    env = {"PATH": str(tmp_path)}
    done = subprocess.run(["make", "setup"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    assert len(told) == 1
    assert "npm is missing" in told[0]


def test_ci_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^exec make test$", script.read_text(), re.MULTILINE)
