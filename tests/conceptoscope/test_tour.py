"""The code of ``docs/api.md`` runs as it stands there, against a real server."""

import contextlib
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from store.catalog.jobs import JobFilter, list_jobs
from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import JobState
from tests.app.jobs import Numbers, finish, progress, run
from tests.architecture.sources import text
from tests.encoding import SECRET, encoding, make_studio
from tests.serving import serve

pytestmark = pytest.mark.slow

BLOCK = re.compile(r"(<!-- photo -->\n)?```python\n(.*?)```", re.DOTALL)
ADDRESS, FIRST, SECOND = "http://127.0.0.1:8600", "efficientnet-lite0-topk", "mobilenet-v2-topk"


def blocks() -> list[tuple[bool, str]]:
    """The code with whether it needs an encoder."""
    return [(bool(mark), code) for mark, code in BLOCK.findall(text(Path("docs") / "api.md"))]


def carry_out(code: str, names: Mapping[str, str], space: dict[str, Any]) -> None:
    """Run a block with the names of this store."""
    for name, ours in names.items():
        code = code.replace(name, ours)
    exec(compile(code, "docs/api.md", "exec"), space)


@contextlib.contextmanager
def a_worker(store: Path) -> Iterator[None]:
    """Takes every job that is queued through the API, and ends it well."""
    catalog, ending = Catalog(Settings(store=store).catalog_url), threading.Event()

    def take() -> None:
        while not ending.wait(0.05):
            with catalog.session() as session:
                waiting = list_jobs(session, JobFilter(states=[JobState.QUEUED]), limit=50)
                found = [job.id for job in waiting if job.created_by == "API"]
            for number in found:
                one = run(catalog, number)
                progress(catalog, one, 1, 1)
                finish(catalog, one, JobState.SUCCEEDED)

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        catalog.close()


def test_the_tour_runs(
    base: str, filled: tuple[Path, Numbers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    names, space = {ADDRESS: base, FIRST: "tiny-topk", SECOND: "wide-topk"}, dict[str, Any]()
    with a_worker(filled[0]):
        for needs_encoder, code in blocks():
            if not needs_encoder:
                carry_out(code, names, space)
    told = capsys.readouterr()
    assert "('densty__gte',)" in told.out
    assert "404 No dictionary named 'no-such'" in told.out
    assert "job" in told.err
    assert space["heat"].shape == (9, 6, 6)
    assert list(tmp_path.glob("12-*.png"))
    assert list((tmp_path / "answers").iterdir())


@pytest.mark.slow
def test_the_tour_of_a_photo_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from conceptoscope import Client

    monkeypatch.chdir(tmp_path)
    studio = make_studio(tmp_path / "studio")
    (tmp_path / "cat.jpg").write_bytes(studio.photo(3))
    [code] = [code for needs_encoder, code in blocks() if needs_encoder]
    with encoding(studio.settings.store, weights=[studio.inputs.weights]) as running:
        given = {"encoder_port": running.settings.encoder_port, "encoder_secret": SECRET}
        with serve(studio.settings.store, **given) as base, Client(base) as client:
            space = {"c": client, "d": client.dictionary("small")}
            carry_out(code, {}, space)
            assert len(capsys.readouterr().out.splitlines()) > 4
            assert space["edit"].controls
