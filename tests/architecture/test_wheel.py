"""The built wheel, alone in an empty environment, runs from any directory with all that its pages need."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from importlib.metadata import Distribution, distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.architecture.sources import ROOT

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
HTMX_VERSION = json.loads((ROOT / "package.json").read_text())["dependencies"]["htmx.org"]
HTMX = f"static/vendor/htmx@{HTMX_VERSION}/htmx.min.js"
START_LIMIT_S = 20.0


@dataclass(frozen=True)
class Installation:
    """An environment of the wheel and what its metadata asks for, and an empty directory far from the checkout."""

    folder: Path
    elsewhere: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        program = [str(self.folder / "bin" / command[0]), *command[1:]]
        return subprocess.run(
            program, cwd=self.elsewhere, env=clean_environment(), capture_output=True, text=True, check=False
        )


def clean_environment() -> dict[str, str]:
    """Ours, without what could lead the program back to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CONCEPTOSCOPE"))}


def needs_of(wheel: Path, asked: str) -> set[str]:
    """Names of everything that a built wheel needs on this machine, extras only where someone asks for them."""
    ours, wanted, known = Requirement(asked), [Requirement(asked)], set[tuple[str, str]]()
    while wanted:
        requirement = wanted.pop()
        for extra in ("", *requirement.extras):
            if (requirement.name, extra) in known:
                continue
            known.add((requirement.name, extra))
            told = metadata_of(wheel) if requirement.name == ours.name else requires(requirement.name) or []
            needs = [Requirement(need) for need in told]
            wanted += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {found for found, _ in known} - {ours.name}


def metadata_of(wheel: Path) -> list[str]:
    """What a built wheel says that it requires."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []


def copy_distribution(source: Distribution, target: Path) -> None:
    """The files of an installed distribution, as they are; scripts and caches stay behind."""
    for file in source.files or []:
        if ".." not in file.parts and "__pycache__" not in file.parts:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target / file)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [str(BIN / "hatchling"), "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install(wheel, "conceptoscope[web]", tmp_path_factory)


@pytest.fixture(scope="module")
def client_alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install(wheel, "conceptoscope[client]", tmp_path_factory)


def install(wheel: Path, asked: str, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Needs no network: what is required is copied from this environment, and pip checks it."""
    folder = tmp_path_factory.mktemp("installation")
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in needs_of(wheel, asked):
        copy_distribution(distribution(name), packages)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    subprocess.run([*pip, "check"], check=True)
    return Installation(folder, tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def address(installation: Installation) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(installation.folder / "bin" / "conceptoscope"), "web", "--port", str(port), "--store", "new-store"]
    log = installation.elsewhere / "web.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            cwd=installation.elsewhere,
            env=clean_environment(),
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
        )
    try:
        wait_until_up(server, f"http://127.0.0.1:{port}/healthz", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def wait_until_up(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while True:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < limit, f"no answer in {START_LIMIT_S} s: {log.read_text()}"
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            pytest.fail(f"{url}: {error.code}")
        except OSError:
            time.sleep(0.1)
        else:
            return


def fetch(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()


def resources_of(names: set[str], folder: str) -> list[str]:
    """Files of one folder of resources."""
    return sorted(name for name in names if name.startswith(f"store/_resources/{folder}/"))


def has_form(wheel: Path, name: str) -> bool:
    """Whether a static file of the wheel lies there in brotli, too."""
    with zipfile.ZipFile(wheel) as archive:
        form = f"store/_resources/static/coded/{hashlib.sha256(archive.read(name)).hexdigest()}.br"
        return form in archive.namelist()


def test_wheel_is_small_and_holds_its_resources(wheel: Path) -> None:
    listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True)
    names = {line.split()[0] for line in listed.stdout.splitlines()[1:]}
    resources = {
        f"store/_resources/{name}" for name in (HTMX, str(Path(HTMX).with_name("LICENSE")), "migrations/env.py")
    }
    assert resources - names == set()
    assert {name for name in names if name.split("/")[0] in {"tests", "setup", "templates", "static"}} == set()
    assert not [
        name for name in resources_of(names, "static") if name.endswith((".css", ".js")) and not has_form(wheel, name)
    ]
    assert wheel.stat().st_size < 3_000_000


def test_the_client_comes_with_its_types_and_two_packages(client_alone: Installation, wheel: Path) -> None:
    assert {"httpx", "numpy"} < needs_of(wheel, "conceptoscope[client]") < needs_of(wheel, "conceptoscope[web]")
    script = (
        "import conceptoscope, pathlib, sys; print((pathlib.Path(conceptoscope.__file__).parent / 'py.typed').exists())"
    )
    asked = client_alone.run("python", "-c", f"{script}; print('PIL' in sys.modules, 'pydantic' in sys.modules)")
    assert asked.stdout.split() == ["True", "False", "False"], asked.stderr


def test_the_command_says_what_is_missing(client_alone: Installation) -> None:
    asked = client_alone.run("conceptoscope", "--help")
    assert asked.returncode == 2
    [line] = asked.stderr.splitlines()
    assert "pip install 'conceptoscope[web]'" in line


def test_web_installation_has_no_torch(installation: Installation) -> None:
    asked = installation.run("python", "-c", "import torch")
    assert "No module named 'torch'" in asked.stderr


def test_command_line_answers(installation: Installation) -> None:
    asked = installation.run("conceptoscope", "--help")
    assert asked.returncode == 0, asked.stderr
    assert "web" in asked.stdout


@pytest.mark.parametrize("path", ["/healthz", "/"])
def test_web_program_answers(address: str, path: str) -> None:
    status, body = fetch(address + path)
    assert status == 200
    assert body


def test_home_page_asks_for_files_that_are_served(address: str) -> None:
    _, home = fetch(address + "/")
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', home))
    assert any(file.endswith(Path(HTMX).name) for file in files)
    for file in files:
        assert fetch(address + file)[0] == 200
