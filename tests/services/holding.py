"""A proxy in front of a server that lets a chosen upload begin and then holds it, as a slow network would."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 65536


@dataclass
class Holding:
    """Passes everything on until it sees what ``wanted`` accepts: of that it sends half, and then nothing more."""

    port: int
    wanted: Callable[[bytes], bool]
    held: threading.Event = field(default_factory=threading.Event)
    """Set once an upload hangs halfway."""
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def holding(target: int, wanted: Callable[[bytes], bool]) -> Iterator[Holding]:
    """A proxy on a free port of this machine in front of another port of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Holding(server.getsockname()[1], wanted)
        thread = threading.Thread(target=_accept, args=(server, target, proxy), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(server: socket.socket, target: int, proxy: Holding) -> None:
    threads = []
    with suppress(OSError):  # shut down at the end
        while True:
            near, _ = server.accept()
            far = socket.create_connection(("127.0.0.1", target))
            threads += [
                threading.Thread(target=_pass, args=(near, far, proxy), daemon=True),
                threading.Thread(target=_pass, args=(far, near, None), daemon=True),
            ]
            for thread in threads[-2:]:
                thread.start()
    for thread in threads:
        thread.join(5)


def _pass(source: socket.socket, sink: socket.socket, proxy: Holding | None) -> None:
    """One direction; its end is the other's end."""
    with suppress(OSError), source:
        while data := source.recv(_CHUNK):
            if proxy is not None and not proxy.held.is_set() and proxy.wanted(data):
                sink.sendall(data[: len(data) // 2])
                proxy.held.set()
                proxy.ended.wait()
                break
            sink.sendall(data)
        for one in (sink, source):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
