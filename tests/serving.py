"""A real web process for tests."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


@contextlib.contextmanager
def serve(store: Path, **settings: object) -> Iterator[str]:
    """Start the web program over a store on a free port; yields its address and ends it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app", "--store", str(store), "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {f"CONCEPTOSCOPE_{name.upper()}": str(value) for name, value in settings.items()}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    try:
        base = f"http://127.0.0.1:{port}"
        _wait(base, process)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(base: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the web program ended by itself"
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{base}/healthz", timeout=1).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the web program did not answer")
