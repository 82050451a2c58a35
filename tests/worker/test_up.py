"""All programs on one machine: real processes that serve, die, are started again, and end together."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from pydantic import SecretStr

from store.catalog.session import Catalog
from store.catalog.workers import list_workers
from store.errors import InvalidInput, Unavailable
from store.settings import Settings
from store.vocabulary import Access, JobState, WorkerState
from tests.factories import make_store
from tests.working import Inputs, submit, wait_end
from worker.up import Patience, Program, Supervisor, programs_of

QUICK = Patience(tries=3, first_wait_s=0.05, steady_s=60.0, end_within_s=1.0)


@contextlib.contextmanager
def up(store: Path, *more: str) -> Iterator["subprocess.Popen[str]"]:
    """``conceptoscope up`` as a process; killed at the end if it still lives."""
    command = [sys.executable, "-m", "worker.cli", "up", "--store", str(store), "--port", "0", "--device", "cpu", *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address(process: "subprocess.Popen[str]") -> str:
    """What is told of the web program when it listens."""
    assert process.stdout is not None
    told = re.fullmatch(r"Conceptoscope is at (http://127\.0\.0\.1:\d+)/\n", process.stdout.readline())
    assert told is not None
    return told[1]


def children(process: "subprocess.Popen[str]") -> dict[str, psutil.Process]:
    """The programs by name."""
    found = psutil.Process(process.pid).children()
    return {"web" if "app" in one.cmdline() else one.cmdline()[3]: one for one in found}


def encoder_state(web: str) -> str:
    """How the encoder stands, in the eyes of the web program."""
    return str(httpx.get(f"{web}/readyz").json()["parts"]["encoder"]["state"])


def secret_of(process: psutil.Process) -> str:
    """What a program was told."""
    return str(process.environ()["CONCEPTOSCOPE_ENCODER_SECRET"])


def wait_until(true: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_everything_serves_is_mended_and_ends_with_one_signal(tmp_path: Path) -> None:
    settings = make_store(tmp_path / "store", n_images=16)
    inputs = Inputs.draw(tmp_path / "inputs", n=8)
    catalog = Catalog(settings.catalog_url)
    with up(settings.store) as process:
        web = address(process)
        assert httpx.get(f"{web}/readyz").json()["n_dictionaries"] == 3
        assert wait_end(catalog, submit(catalog, inputs.ingest())).state == JobState.SUCCEEDED
        programs = children(process)
        assert programs.keys() == {"web", "worker", "encoder"}
        wait_until(lambda: encoder_state(web) == "ok")
        assert not any(secret_of(programs["encoder"]) in " ".join(one.cmdline()) for one in programs.values())
        assert "CONCEPTOSCOPE_ENCODER_SECRET" not in programs["worker"].environ()
        for one in programs.values():
            one.kill()
        again = address(process)  # another port, since 0 asks for any
        assert httpx.get(f"{again}/healthz").status_code == 200
        assert wait_end(catalog, submit(catalog, inputs.ingest("again"))).state == JobState.SUCCEEDED
        wait_until(lambda: encoder_state(again) == "ok")
        fresh = children(process)
        assert fresh.keys() == programs.keys()
        process.terminate()
        began = time.monotonic()
        assert process.wait(timeout=25) == 0
        assert time.monotonic() - began < 20
        assert not any(one.is_running() for one in fresh.values())
        assert process.stderr is not None
        assert "the web program ended by SIGKILL; it is started again" in process.stderr.read()
    with catalog.session() as session:
        assert {row.state for row in list_workers(session)} == {WorkerState.STOPPED}
    catalog.close()


@pytest.mark.slow
def test_programs_end_when_the_one_that_started_them_is_killed(tmp_path: Path) -> None:
    settings = make_store(tmp_path / "store", n_images=16)
    with up(settings.store) as process:
        address(process)
        programs = children(process)
        process.kill()
        psutil.wait_procs(programs.values(), timeout=30)
        assert not any(one.is_running() for one in programs.values())


@pytest.mark.slow
def test_a_port_in_use_ends_everything_with_words(tmp_path: Path) -> None:
    settings = make_store(tmp_path / "store", n_images=16)
    with up(settings.store) as first:
        port = address(first).rpartition(":")[2]
        with up(settings.store, "--port", port) as second:
            told = second.communicate(timeout=60)[1]
            assert second.returncode == 2
            assert f"Port {port} on 127.0.0.1 is in use" in told
            assert "The web program could not start; it says why above." in told
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def script(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def test_a_program_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    count = tmp_path / "count"
    dying = script(f"open({str(count)!r}, 'a').write('x'); raise SystemExit(3)")
    living = script(f"import time, os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    with pytest.raises(Unavailable, match="The worker program ended 3 times in a row, at last with exit code 3"):
        Supervisor([Program("web", living), Program("worker", dying)], patience=QUICK).run()
    assert count.read_text() == "xxx"
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_mistake_is_not_tried_again(tmp_path: Path) -> None:
    count = tmp_path / "count"
    mistaken = script(f"open({str(count)!r}, 'a').write('x'); raise SystemExit(2)")
    with pytest.raises(Unavailable, match="could not start"):
        Supervisor([Program("web", mistaken)], patience=QUICK).run()
    assert count.read_text() == "x"


@pytest.mark.slow
def test_a_program_that_was_well_for_long_gets_all_tries_again(tmp_path: Path) -> None:
    """It dies again and again, each time after it was well; a catalog may be away for a while."""
    count = tmp_path / "count"
    dying = script(f"import time; open({str(count)!r}, 'a').write('x'); time.sleep(0.2); raise SystemExit(2)")
    patience = Patience(tries=2, first_wait_s=0.01, steady_s=0.05, end_within_s=1.0)
    with alarm(2):
        Supervisor([Program("web", dying)], patience=patience).run()
    assert len(count.read_text()) >= 4


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """SIGTERM to this process after a while, as a person would send it."""
    before = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.slow
def test_a_program_that_does_not_end_is_killed_in_time(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    deaf = script(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(ready)!r}, 'w').close(); time.sleep(60)"
    )
    began = time.monotonic()
    with alarm(1.5):
        Supervisor([Program("web", deaf)], patience=QUICK).run()
    assert ready.exists()
    assert time.monotonic() - began < 5


def test_one_worker_for_each_device() -> None:
    with pytest.raises(InvalidInput, match="--read-only-public"):
        programs_of(Settings(store=Path("s"), host="0.0.0.0"))
    settings = Settings(store=Path("s"), host="0.0.0.0", port=80, access=Access.TOKENS)
    named = programs_of(settings, devices=["cuda:0", "cuda:1"])
    assert [program.name for program in named] == ["web", "worker on cuda:0", "worker on cuda:1", "encoder"]
    assert named[3].command[-2:] == ("--device", "cuda:0")
    assert named[1].command[-2:] == ("--device", "cuda:0")
    assert named[0].command[3:9] == ("--host", "0.0.0.0", "--port", "80", "--access", "tokens")
    assert [program.name for program in programs_of(settings)] == ["web", "worker", "encoder"]


def test_web_program_and_encoder_of_a_run_know_the_same_and_nobody_else_does() -> None:
    web, worker, encoder = programs_of(Settings(store=Path("s")))
    assert web.settings == encoder.settings
    assert worker.settings == {}
    assert len(web.settings["encoder_secret"]) >= 32
    assert web.settings["encoder_secret"] not in repr(web) + " ".join((*web.command, *encoder.command))
    again = programs_of(Settings(store=Path("s")))[0].settings
    assert again["encoder_secret"] != web.settings["encoder_secret"]


def test_an_encoder_that_is_set_is_kept_to() -> None:
    set_here = Settings(encoder_secret=SecretStr("known before"), encoder_port=8777)
    told = programs_of(set_here, weights=[Path("w.safetensors")])[-1]
    assert (told.settings["encoder_port"], told.settings["encoder_secret"]) == ("8777", "known before")
    assert told.command[-2:] == ("--weights", "w.safetensors")
    elsewhere = programs_of(Settings(encoder_url="http://encoder:8601"))
    assert [program.name for program in elsewhere] == ["web", "worker"]
    assert elsewhere[0].settings == {}


def test_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.up.find_spec", lambda _: None)
    with pytest.raises(Unavailable, match=re.escape("pip install 'conceptoscope[worker]'")):
        programs_of(Settings())
