"""Free ports, and waiting for what will listen on them."""

import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path


def free_ports(n: int) -> list[int]:
    """Different ports of this machine that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], *, log: Path, seconds: float = 60) -> None:
    """Wait until a service answers; its log is told when it ends or never does."""
    end = time.monotonic() + seconds
    while not ready():
        told = log.read_text(errors="replace")[-3000:]
        assert process.poll() is None, f"the service ended by itself: {told}"
        assert time.monotonic() < end, f"the service did not answer: {told}"
        time.sleep(0.05)
