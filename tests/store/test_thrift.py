"""Memory of the C library: asked for and given back, whatever system this is."""

import subprocess
import sys

from store import thrift

_HOARD = """
import sys, threading
from pathlib import Path
from store import thrift
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
def hoard():
    lists = [[bytes(1000) for _ in range(20_000)] for _ in range(2)]
    lists.clear()
if sys.argv[1] == "shared":
    thrift.share_arenas()
for _ in range(4):
    thread = threading.Thread(target=hoard)
    thread.start()
    thread.join()
thrift.give_back()
print(Path("/proc/self/maps").read_text().count("---p 00000000 00:00"), resident())
"""


def test_it_can_be_asked_anywhere() -> None:
    thrift.give_back()


def test_threads_share_one_arena() -> None:
    n_parts = {}
    for kind in ("shared", "own"):
        told = subprocess.run([sys.executable, "-c", _HOARD, kind], capture_output=True, text=True, check=True).stdout
        n_parts[kind] = int(told.split()[0])
    assert n_parts["shared"] < n_parts["own"] or sys.platform != "linux"
