"""The compose file without containers: its commands, environments and secrets, with names replaced by local places."""

import os
import re
import secrets
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.architecture.sources import text
from tests.services.names import name_server
from tests.services.ports import free_ports, wait_for
from tests.services.postgres import Postgres
from tests.services.s3 import draw_ports, port_options, remove_sockets

BIN = Path(sysconfig.get_path("scripts"))
COMPOSE: dict[str, Any] = yaml.safe_load(text(Path("docker-compose.yml")))
REPLICAS = ("127.0.0.1", "127.0.0.2")
Process = subprocess.Popen[bytes]


@dataclass
class Cluster:
    """Where the services of the profile ``cluster`` are on this machine, and the processes that run for them."""

    folder: Path
    postgres: Postgres
    processes: dict[str, Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.web_port, self.proxy_port, self.encoder_port = free_ports(3)
        self.objects_ports = draw_ports()
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir()
        self.values = {name: f"{secrets.token_urlsafe(12)}/@:" for name in COMPOSE["secrets"]}
        for name, value in self.values.items():
            (self.secrets / name).write_text(value + "\n")
        self.places = {
            "@database/": f"@127.0.0.1:{self.postgres.port}/",
            "//cluster-encoder:8601": f"//127.0.0.1:{self.encoder_port}",
            "//objects:8333": f"//127.0.0.1:{self.objects_ports['s3']}",
            "/run/secrets": str(self.secrets),
        }

    @property
    def address(self) -> str:
        """Of the proxy."""
        return f"http://127.0.0.1:{self.proxy_port}"

    def local(self, told: str) -> str:
        """Text of the compose file with places of this machine."""
        for name, place in self.places.items():
            told = told.replace(name, place)
        return told.replace("$$", "$")

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """What a program of ours finds in its container: the service's variables and the image's."""
        told = {name: self.local(value) for name, value in COMPOSE["services"][service]["environment"].items()}
        ports = {"CONCEPTOSCOPE_PORT": str(self.web_port), "CONCEPTOSCOPE_ENCODER_PORT": str(self.encoder_port)}
        here = {"CONCEPTOSCOPE_STORE": str(self.folder / "scratch")} | ports
        return os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"} | told | here | more

    def program(self, service: str) -> list[str]:
        """The command of a service of ours."""
        return [str(BIN / "conceptoscope"), *COMPOSE["services"][service]["command"]]

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> Process:
        """Start a process and keep it under a name; what it says goes into a file."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        self.processes[name] = process
        return process

    def lose(self, name: str) -> None:
        """Kill a process, as the loss of its container would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def log(self, name: str) -> Path:
        """What a process has said."""
        return self.folder / f"{name}.log"

    def healthy(self, service: str) -> bool:
        """Whether the health check of a service from elsewhere is content."""
        kind, *command = COMPOSE["services"][service]["healthcheck"]["test"]
        assert kind == "CMD"
        if service == "database":
            command = [str(self.postgres.bin / command[0]), *command[1:], "-p", str(self.postgres.port)]
        ports = {"8333": self.objects_ports["s3"], "8600": self.proxy_port}
        local = [re.sub(r":(\d{4})/", lambda port: f":{ports[port[1]]}/", word) for word in command]
        return subprocess.run(local, check=False, timeout=20, stderr=subprocess.DEVNULL).returncode == 0

    def ready(self, service: str, process: Process) -> None:
        """Wait until a service is healthy."""
        wait_for(lambda: self.healthy(service), process, log=self.log(service))


@contextmanager
def cluster(folder: Path, postgres: Postgres) -> Iterator[Cluster]:
    """PostgreSQL with its role and database, and the object store; the rest is started by the test."""
    of = Cluster(folder, postgres)
    known = COMPOSE["services"]["database"]["environment"]
    user, database = known["POSTGRES_USER"], known["POSTGRES_DB"]
    postgres.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{of.values['conceptoscope_database_password']}'")
    postgres.execute(f"CREATE DATABASE {database} OWNER {user}")
    try:
        start_objects(of)
        yield of
    finally:
        of.processes["objects"].kill()  # it would take its time to put everything down
        for process in of.processes.values():
            process.terminate()
        for process in of.processes.values():
            end(process)
        remove_sockets(of.objects_ports)
        postgres.execute(f"DROP DATABASE {database} WITH (FORCE)")
        postgres.execute(f"DROP ROLE {user}")


def end(process: Process) -> None:
    """Wait for the end of a process that was asked to; kill it when it does not."""
    try:
        process.wait(timeout=25)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_objects(of: Cluster) -> None:
    """The object store, by the script of the compose file."""
    service = COMPOSE["services"]["objects"]
    (of.folder / "data").mkdir()
    [script] = service["command"]
    here = {"-dir=/data": f"-dir={of.folder / 'data'}", "-ip=objects": "-ip=127.0.0.1", "0.0.0.0": "127.0.0.1"}
    for told, place in here.items():
        assert told in script
        script = script.replace(told, place)
    options = " ".join(f"-{name}={n}" for name, n in port_options(of.objects_ports).items())
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(of.folder)}
    command = [*service["entrypoint"], f"{of.local(script).rstrip()} {options}"]
    of.ready("objects", of.start("objects", command, environment))


@contextmanager
def proxy(of: Cluster) -> Iterator[None]:
    """The proxy over the compose file's own Caddyfile, and a name server that knows the replicas."""
    told: str = COMPOSE["configs"]["caddyfile"]["content"]
    with ExitStack() as stack:
        names = stack.enter_context(name_server("cluster-web", REPLICAS))
        here = {
            "http://:8600 {": f"http://:{of.proxy_port} {{\n\tbind 127.0.0.1",
            "port 8600": f"port {of.web_port}\n\t\t\tresolvers 127.0.0.1:{names}",
        }
        for written, place in here.items():
            assert written in told
            told = told.replace(written, place)
        (of.folder / "Caddyfile").write_text(told)
        command = COMPOSE["services"]["proxy"]["command"]
        local = [word.replace("/etc/caddy/", f"{of.folder}/") for word in command]
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(of.folder)}
        of.ready("proxy", of.start("proxy", local, environment))
        yield
        of.processes["proxy"].terminate()
        end(of.processes["proxy"])
