"""A Chromium that nothing is attached to while it goes on: it makes no page ready ahead while it is debugged."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.browser.conftest import DESKTOP, FLAGS

_END: Final = b"\0"
_IN, _OUT = 3, 4  # where Chromium reads and writes with --remote-debugging-pipe
_START: Final = f"""
import os, sys
os.dup2(int(sys.argv[1]), {_IN})
os.dup2(int(sys.argv[2]), {_OUT})
os.execvp(sys.argv[3], sys.argv[3:])
"""
_PATIENCE_S: Final = 20


class Alone:
    """The browser's one page, which is looked at between its navigations only."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._kept, self._number = write, read, b"", 0

    def open(self, url: str) -> None:
        """Go to an address, and wait until the page is complete."""
        with self._attached() as session:
            self._call("Page.navigate", {"url": url}, session)
        ends = time.monotonic() + _PATIENCE_S
        while time.monotonic() < ends and self.evaluate("document.readyState") != "complete":
            time.sleep(0.1)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page as it is now."""
        with self._attached() as session:
            asked = {"expression": expression, "returnByValue": True}
            found = self._call("Runtime.evaluate", asked, session)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"])
        return found["result"].get("value")

    @contextlib.contextmanager
    def _attached(self) -> Iterator[str]:
        targets = self._call("Target.getTargets")["targetInfos"]
        (page,) = (one for one in targets if one["type"] == "page" and "subtype" not in one)
        asked = {"targetId": page["targetId"], "flatten": True}
        session = self._call("Target.attachToTarget", asked)["sessionId"]
        yield session
        self._call("Target.detachFromTarget", {"sessionId": session})

    def _call(self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters or {}}
        os.write(self._write, json.dumps(message | ({"sessionId": session} if session else {})).encode() + _END)
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _next(self) -> Any:
        while _END not in self._kept:
            piece = os.read(self._read, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium has ended.")
            self._kept += piece
        message, self._kept = self._kept.split(_END, 1)
        return json.loads(message)


@contextlib.contextmanager
def alone(url: str) -> Iterator[Alone]:
    """A new browser at an address."""
    (ours_in, theirs_out), (theirs_in, ours_out) = os.pipe(), os.pipe()
    profile = tempfile.mkdtemp()
    window = f"--window-size={DESKTOP['width']},{DESKTOP['height']}"
    given = [*FLAGS, "--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}", window]
    command = [shutil.which("chromium") or "chromium", *given, "about:blank"]
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, _OUT + 1) for end in (theirs_in, theirs_out)]
    starting = [sys.executable, "-c", _START, *(str(end) for end in theirs), *command]
    process = subprocess.Popen(starting, pass_fds=theirs, stderr=subprocess.DEVNULL)
    for end in (theirs_in, theirs_out, *theirs):
        os.close(end)
    try:
        browser = Alone(ours_out, ours_in)
        browser.open(url)
        yield browser
    finally:
        process.terminate()
        process.wait(timeout=30)
        for end in (ours_in, ours_out):
            os.close(end)
        shutil.rmtree(profile, ignore_errors=True)
