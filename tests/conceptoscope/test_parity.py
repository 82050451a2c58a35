"""Whatever one client can, the other can; the package needs httpx and numpy alone; types are those of the API."""

import inspect
import subprocess
import sys
from typing import Any

import pytest

import conceptoscope
from conceptoscope import AsyncClient, Client, views
from conceptoscope.record import Record
from conceptoscope.resource import call
from setup.views import TARGET, openapi, write_views
from tests.architecture.sources import ROOT, imported, modules, parsed

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
