"""Web program and encoder as processes of their own, as visitors find them: what they answer, hold, keep and log."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from app import urls
from store.analyses.files import FOLDER
from tests.encoding import Running, encoding
from tests.services.ports import free_ports

MIB: Final = 2**20
_TRACE: Final = "Traceback (most recent call last)"
_WITHIN_S: Final = 60.0
_PATIENCE: Final = 100  # times that a visitor comes back when the encoder is busy


@dataclass(frozen=True)
class Stand:
    """Both programs over one store."""

    base: str
    web: "subprocess.Popen[bytes]"
    encoder: Running
    logs: tuple[Path, Path]

    def resident_mib(self) -> dict[str, float]:
        """Memory of each program; of the decoders together, too."""
        encoder = psutil.Process(self.encoder.process.pid)
        decoders = sum(child.memory_info().rss for child in encoder.children())
        web = psutil.Process(self.web.pid).memory_info().rss
        found = {"web": web, "encoder": encoder.memory_info().rss, "decoders": decoders}
        return {name: round(n_bytes / MIB, 1) for name, n_bytes in found.items()}

    def kept(self) -> tuple[int, int]:
        """Files and bytes that are kept of visitors' photos."""
        files = [path for path in (self.encoder.settings.store / FOLDER).rglob("*") if path.is_file()]
        return len(files), sum(path.stat().st_size for path in files)

    def health(self) -> dict[str, Any]:
        """Which of the programs live, decoders that died, and tracebacks in the logs."""
        texts = [log.read_text(errors="replace") for log in self.logs]
        return {
            "web_lives": self.web.poll() is None,
            "encoder_lives": self.encoder.process.poll() is None,
            "decoder_deaths": self.encoder.wait().n_decoder_deaths,
            "tracebacks": sum(text.count(_TRACE) for text in texts),
            "last_traceback": next((text[text.rindex(_TRACE) :][-800:] for text in texts if _TRACE in text), ""),
        }


@contextlib.contextmanager
def standing(
    store: Path, logs: Path, *, weights: Sequence[Path] = (), threads: int | None = None, **changes: object
) -> Iterator[Stand]:
    """Both programs, ended afterwards; ``changes`` are settings."""
    with encoding(store, weights=weights, threads=threads, log=logs / "encoder.log", **changes) as running:  # type: ignore[arg-type]
        [port] = free_ports(1)
        secret = running.settings.encoder_secret
        assert secret is not None
        given = {"encoder_port": running.settings.encoder_port, "encoder_secret": secret.get_secret_value(), **changes}
        environment = os.environ | {f"CONCEPTOSCOPE_{name.upper()}": str(value) for name, value in given.items()}
        command = [sys.executable, "-m", "app", "--store", str(store), "--host", "127.0.0.1", "--port", str(port)]
        with (logs / "web.log").open("a") as log:
            web = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        try:
            stand = Stand(f"http://127.0.0.1:{port}", web, running, (logs / "web.log", logs / "encoder.log"))
            _wait(stand)
            yield stand
        finally:
            web.terminate()
            web.wait(timeout=30)


def _wait(stand: Stand) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        assert stand.web.poll() is None, "the web program ended by itself"
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{stand.base}/healthz", timeout=1).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the web program did not answer")


@dataclass
class Told:
    """What became of uploads."""

    statuses: Counter[int] = field(default_factory=Counter)
    sentences: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, Counter[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    n_came_back: int = 0
    slowest_s: float = 0.0
    slowest_kind: str = ""

    def add(self, kind: str, response: httpx.Response, took_s: float) -> None:
        """One answer."""
        self.statuses[response.status_code] += 1
        self.by_kind.setdefault(kind, Counter())[response.status_code] += 1
        if took_s > self.slowest_s:
            self.slowest_s, self.slowest_kind = took_s, kind
        if response.status_code == 201:
            self.made.append(response.headers["location"])
        elif (fault := fault_of(response)) is not None:
            self.faults.append(f"{kind}: {fault}")
        else:
            self.sentences[_shape(response.json()["detail"])] += 1

    def report(self) -> dict[str, Any]:
        """In numbers."""
        return {
            "n": self.statuses.total(),
            "statuses": dict(sorted(self.statuses.items())),
            "sentences": dict(self.sentences.most_common()),
            "by_kind": {kind: dict(sorted(found.items())) for kind, found in sorted(self.by_kind.items())},
            "faults": self.faults[:20],
            "n_faults": len(self.faults),
            "n_came_back": self.n_came_back,
            "slowest_s": round(self.slowest_s, 2),
            "slowest_kind": self.slowest_kind,
        }


def fault_of(response: httpx.Response) -> str | None:
    """What is wrong with a refusal: anything but a problem document that says in a sentence why."""
    if response.status_code >= 500 and response.status_code != 503:
        return f"{response.status_code} {response.text[:200]}"
    if response.headers.get("content-type") != "application/problem+json":
        return f"{response.status_code} as {response.headers.get('content-type')}"
    problem = response.json()
    if problem["status"] != response.status_code or not re.fullmatch(r"[A-Z].{10,}\.", problem["detail"], re.S):
        return f"{response.status_code} without a sentence: {problem['detail'][:200]!r}"
    return None


def _shape(detail: str) -> str:
    """The first sentence up to a colon, without its numbers."""
    return re.sub(r"\d[\d,.]*", "N", re.split(r"[:.;]", detail)[0])[:80]


@contextlib.asynccontextmanager
async def watching(stand: Stand, peaks: dict[str, float], *, every_s: float = 0.25) -> AsyncIterator[None]:
    """The most that each program takes while the context lasts."""

    async def look() -> None:
        while True:
            with contextlib.suppress(psutil.Error):
                for name, mib in stand.resident_mib().items():
                    peaks[name] = max(peaks.get(name, 0.0), mib)
            await asyncio.sleep(every_s)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()


async def upload(
    client: httpx.AsyncClient, told: Told, kind: str, *, content: bytes, dictionaries: Sequence[str]
) -> None:
    """One photo by the form; told to come back, the visitor does."""
    began = time.monotonic()
    for _ in range(_PATIENCE):
        files, data = {"file": ("photo", content)}, {"dictionary": list(dictionaries)}
        response = await client.post(urls.api_analyses(), files=files, data=data)
        if "retry-after" not in response.headers:
            break
        told.n_came_back += 1
        await asyncio.sleep(0.2)
    told.add(kind, response, time.monotonic() - began)
