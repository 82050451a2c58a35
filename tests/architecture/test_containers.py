"""The container files can't be run here, but what they name must exist."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from store.settings import Settings
from tests.architecture.sources import ROOT, text

DOCKERFILE = text(Path("Dockerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load(text(Path("docker-compose.yml")))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STAGES = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE))

IN_DOCKERFILE = [json.loads(command) for command in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
COMMANDS = sorted({tuple(command) for command in [service["command"] for service in SERVICES.values()] + IN_DOCKERFILE})


@pytest.mark.parametrize("command", [pytest.param(command, id=" ".join(command)) for command in COMMANDS])
def test_commands_exist_with_their_options(command: tuple[str, ...]) -> None:
    program = str(Path(sys.executable).parent / "conceptoscope")
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_services_are_built_from_stages_that_exist() -> None:
    assert {service["build"]["target"] for service in SERVICES.values()} <= STAGES


def test_volumes_are_declared() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert used == set(COMPOSE["volumes"])


def test_copied_files_exist_and_reach_the_build() -> None:
    sent = {line.removeprefix("!") for line in text(Path(".dockerignore")).splitlines() if line.startswith("!")}
    lines = [
        line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line
    ]
    copied = {name for names in lines for name in names}
    assert copied == sent
    assert {name for name in copied if not (ROOT / name).exists()} == set()


def test_variables_are_settings() -> None:
    prefix = str(Settings.model_config["env_prefix"])
    named = set(re.findall(rf"{prefix}(\w+)=", DOCKERFILE + text(Path("docker-compose.yml"))))
    assert named
    assert named - {name.upper() for name in Settings.model_fields} == set()


def test_the_web_image_gets_no_torch() -> None:
    web = DOCKERFILE.split(" AS web\n")[1].split("\nFROM ")[0]
    assert "pip install" in web
    assert "[demo]" not in web
    assert "[worker]" not in web
