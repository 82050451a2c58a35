"""Sockets that programs listen on: answers leave at once, and a port in use is told with a remedy."""

import socket

import pytest

from store.errors import Unavailable
from store.listening import bind


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_it_accepts_sends_at_once(host: str) -> None:
    with bind(host, 0, remedy="") as listening:
        with socket.create_connection(listening.getsockname()[:2]):
            accepted, _ = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_told() -> None:
    with bind("127.0.0.1", 0, remedy="") as first:
        port = first.getsockname()[1]
        with pytest.raises(Unavailable, match=f"Port {port} on 127.0.0.1 is in use. Take another."):
            bind("127.0.0.1", port, remedy="Take another.")
