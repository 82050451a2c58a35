"""Whatever one client can, the other can; the package needs httpx and numpy alone; types are those of the API."""

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import conceptoscope
from conceptoscope import AsyncClient, Client, views
from conceptoscope.record import Record
from conceptoscope.resource import call
from setup.views import TARGET, openapi, write_views
from tests.architecture.sources import ROOT, imported, modules, parsed

pytestmark = pytest.mark.slow

SYNC_ONLY = {"__enter__", "__exit__"}
ASYNC_ONLY = {"__aenter__", "__aexit__"}
BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

class Block(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)

sys.meta_path.insert(0, Block())
import conceptoscope
client = conceptoscope.Client("http://127.0.0.1:9", retries=0)
try:
    client.service()
except conceptoscope.Unreachable:
    print("fine")
"""
TYPED = """
from typing import assert_type
import numpy as np
from numpy.typing import NDArray
from conceptoscope import Analysis, AsyncClient, Client, Concept, Dictionary
from conceptoscope.driving import Awaiting, Blocking
from conceptoscope.views import LogLine

def waits(c: Client) -> None:
    d = c.dictionary("x")
    assert_type(d, Dictionary[Blocking])
    assert_type(d[3], Concept[Blocking])
    assert_type(d[3].heat("q99", limit=3), NDArray[np.float32])
    assert_type(d[3].density, float | None)
    for k in d.concepts(sort="-density"):
        assert_type(k, Concept[Blocking])
    assert_type(c.job(3).wait().log(), list[LogLine])
    with c.analyse("cat.jpg", d) as r:
        assert_type(r.edit({12: 0}).delta(), float)
    d.concepts().__aiter__()  # type: ignore[misc]

async def awaits(c: AsyncClient) -> None:
    d = await c.dictionary("x")
    assert_type(d, Dictionary[Awaiting])
    assert_type(await d[3], Concept[Awaiting])
    async for k in d.concepts():
        assert_type(await k.heat(), NDArray[np.float32])
    async with await c.analyse("cat.jpg", d) as r:
        assert_type(r, Analysis[Awaiting])
    d.concepts().__len__()  # type: ignore[misc]
"""
OTHERS = {
    "PIL",
    "alembic",
    "app",
    "duckdb",
    "fastapi",
    "jinja2",
    "pandas",
    "pyarrow",
    "pydantic",
    "rich",
    "safetensors",
    "sqlalchemy",
    "starlette",
    "store",
    "torch",
    "typer",
    "worker",
}


def own(kind: type) -> set[str]:
    return {name for name in dir(kind) if callable(inspect.getattr_static(kind, name)) or name in vars(kind)}


def test_each_method_of_one_is_in_the_other() -> None:
    assert own(Client) - SYNC_ONLY == own(AsyncClient) - ASYNC_ONLY
    for name in own(Client) - SYNC_ONLY:
        if isinstance(found := inspect.getattr_static(Client, name), call):
            assert inspect.getattr_static(AsyncClient, name) is found, f"{name} has two bodies"
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


def test_methods_show_what_they_take_and_say_what_they_do() -> None:
    for thing in (Client, conceptoscope.Dictionary, conceptoscope.Concept, conceptoscope.Analysis, conceptoscope.Job):
        methods: dict[str, Any] = {n: m for n, m in vars(thing).items() if isinstance(m, call) and n[0] != "_"}
        for name, method in methods.items():
            assert method.__doc__, name
            assert next(iter(inspect.signature(method.plan).parameters)) == "self"


def test_help_shows_a_method_as_it_is_called() -> None:
    with Client("http://127.0.0.1:9") as client:
        shown = inspect.signature(client.dictionaries)
    assert list(shown.parameters) == ["model", "layer", "method"]
    assert "Plan" not in str(shown.return_annotation)
    assert "Generator" not in str(shown)


def test_waiting_and_awaiting_are_not_mixed_up(client: Client, base: str) -> None:
    async def mixed() -> None:
        async with AsyncClient(base) as awaiting:
            concepts = (await awaiting.dictionary("tiny-topk")).concepts()
            for ask in (lambda: len(concepts), lambda: list(concepts), lambda: next(iter(awaiting.jobs()))):
                with pytest.raises(TypeError, match="of an AsyncClient"):
                    ask()  # type: ignore[no-untyped-call]
            with pytest.raises(TypeError, match="of a Client that waits"):
                _ = [one async for one in client.jobs()]

    asyncio.run(mixed())


@pytest.mark.slow
def test_types_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "typed.py"
    file.write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_httpx_and_numpy_are_enough() -> None:
    script = BLOCKED.format(blocked=OTHERS)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["fine"], done.stderr


def test_nothing_else_is_imported_anywhere_but_types() -> None:
    used = set().union(*(imported(parsed(path)) for path in modules("conceptoscope")))
    foreign = used - sys.stdlib_module_names - {"conceptoscope"}
    assert foreign == {"httpx", "numpy", "PIL", "pandas", "pyarrow"}


def test_types_are_those_of_the_api() -> None:
    """Run ``make views`` when this fails."""
    assert TARGET.read_text(encoding="utf-8") == write_views(openapi())


def test_no_field_hides_a_method_and_no_method_a_field() -> None:
    records = [kind for kind in vars(views).values() if isinstance(kind, type) and issubclass(kind, Record)]
    assert len(records) > 80
    for kind in records:
        assert set(kind.__annotations__) & {*dir(Record), *Record.RESERVED} == set() or kind is Record
    for thing in (getattr(conceptoscope, name) for name in conceptoscope.__all__):
        if isinstance(thing, type) and issubclass(thing, Record) and thing is not Record:
            fields = {name for base in thing.__mro__ for name in vars(base).get("__annotations__", {})}
            assert {name for name in fields if name in vars(thing)} <= {"__iter__"}, thing


@pytest.mark.parametrize("address", ["127.0.0.1:8600", "ftp://x", "", "http://"])
def test_an_address_is_checked(address: str) -> None:
    with pytest.raises(conceptoscope.ClientError, match="no address of a server"):
        Client(address)
