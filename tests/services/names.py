"""A name server of our own, as a container engine has one: one name, the addresses of its replicas."""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_ANSWER, _NO_SUCH_NAME = 0x8180, 0x8183
_IPV4 = 1


@contextmanager
def name_server(name: str, addresses: Sequence[str]) -> Iterator[int]:
    """Answers questions for a name on a free port of this machine, which it yields."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(server, name, addresses), daemon=True)
        thread.start()
        yield port
        server.sendto(b"", ("127.0.0.1", port))  # an empty question ends it
        thread.join()


def _serve(server: socket.socket, name: str, addresses: Sequence[str]) -> None:
    while True:
        question, who = server.recvfrom(512)
        if not question:
            return
        server.sendto(answer(question, name, addresses), who)


def answer(question: bytes, name: str, addresses: Sequence[str]) -> bytes:
    """RFC 1035: the question again, and a record for each IPv4 address where it asks for one."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    (kind,) = struct.unpack_from("!H", question, at + 1)
    known = ".".join(labels) == name
    found = addresses if known and kind == _IPV4 else []
    head = question[:2] + struct.pack("!5H", _ANSWER if known else _NO_SUCH_NAME, 1, len(found), 0, 0)
    records = (struct.pack("!3HIH", 0xC00C, _IPV4, 1, 1, 4) + socket.inet_aton(one) for one in found)
    return head + question[12 : at + 5] + b"".join(records)
