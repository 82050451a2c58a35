"""The program as people start it."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from app.__main__ import main
from store.errors import Unavailable
from store.listening import bind
from store.settings import Settings

HEAVY = ("torch", "torchvision", "timm", "sklearn", "scipy", "pyarrow")
LARGEST_MIB = 200


def test_a_real_server_says_its_address_is_small_and_imports_nothing_heavy(settings: Settings) -> None:
    code = (
        "import sys, atexit; from app.__main__ import main;"
        f"atexit.register(lambda: print('heavy', sorted(set({HEAVY!r}) & set(sys.modules)), flush=True));"
        f"sys.exit(main(['--port', '0', '--store', {str(settings.store)!r}]))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = re.search(r"http://\S+/", process.stdout.readline())
        assert address
        for path in ("readyz", "api/v1", "api/v1/dictionaries/tiny-topk/concepts/6", "d/tiny-topk/c/6.json"):
            with urllib.request.urlopen(address[0] + path) as response:
                assert response.status == 200
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert "heavy []" in rest
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert resident
    assert int(resident[1]) / 1024 < LARGEST_MIB


def test_a_port_in_use_is_one_clear_line(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--store", str(settings.store)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(port) in line
    assert "--port" in line


def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(Unavailable, match=r"203\.0\.113\.7"):
        bind("203.0.113.7", 0, remedy="")


def test_a_store_that_cannot_be_made_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--port", "0", "--store", str(tmp_path / "file" / "store")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--store" in line


@pytest.mark.parametrize("port", ["many", "70000", "-1"])
def test_a_bad_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([f"--port={port}"])
    assert caught.value.code == 2
    assert "0 to 65535" in capsys.readouterr().err
