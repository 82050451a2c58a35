"""Sockets that our programs listen on."""

import errno
import socket

from store.errors import Unavailable


def bind(host: str, port: int, *, remedy: str) -> socket.socket:
    """A listening socket; raises ``Unavailable`` naming port and remedy.

    What it accepts sends at once: the event loop sees to that only for sockets that it made itself, and an answer whose
    head and body are written one after the other would wait 40 ms for the other side's acknowledgement.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=128)
    except OSError as fault:
        why = "is in use" if fault.errno == errno.EADDRINUSE else f"cannot be used ({fault.strerror})"
        raise Unavailable(f"Port {port} on {host} {why}. {remedy}") from fault
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
