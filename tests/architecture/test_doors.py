"""One door per outside thing: the database, DuckDB, the environment, the terminal."""

import ast
from pathlib import Path

import pytest

from tests.architecture.sources import imported, modules, names_used, parsed

# Who may import what. A folder stands for everything below it.
DOORS = {
    "sqlalchemy": ("store/catalog", "migrations"),
    "psycopg": ("store/catalog",),
    "alembic": ("store/catalog", "migrations"),
    "duckdb": ("store/duck.py", "store/sheets.py", "store/atlas", "store/collection.py"),
    "fsspec": ("store/artifacts/objects.py",),
    "pydantic_settings": ("store/settings.py",),
    "dbos": ("worker/engine",),
}

# Who may read or set the process environment besides the settings, and why. An unneeded entry fails the test.
ENVIRONMENT = {
    "setup/environment.py": "apt-get must ask no questions (DEBIAN_FRONTEND); the settings are not installed yet",
}

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
PRODUCT = ("app", "conceptoscope", "store", "worker", "setup", "migrations")


def is_below(path: Path, doors: tuple[str, ...]) -> bool:
    return any(path == Path(door) or Path(door) in path.parents for door in doors)


def reads_environment(tree: ast.AST) -> bool:
    """``os.environ`` and ``os.getenv``, also when imported by name."""
    froms = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "os")
    bare = {alias.name for node in froms for alias in node.names}
    return bool((names_used(tree) | {f"os.{name}" for name in bare}) & {"os.environ", "os.getenv", "os.putenv"})


def prints(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) and dotted_is_print(node) for node in ast.walk(tree))


def dotted_is_print(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in {"print", "pprint"}


@pytest.mark.parametrize("package", DOORS)
def test_only_its_door_imports(package: str) -> None:
    users = [
        path
        for path in modules("app", "conceptoscope", "store", "worker", "migrations")
        if package in imported(parsed(path))
    ]
    assert [str(path) for path in users if not is_below(path, DOORS[package])] == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {str(path) for path in modules(*PRODUCT) if reads_environment(parsed(path))}
    assert readers - {"store/settings.py"} == set(ENVIRONMENT)


def test_only_the_command_line_prints() -> None:
    talkers = [
        path for path in modules("app", "conceptoscope", "store", "worker", "migrations") if prints(parsed(path))
    ]
    assert [str(path) for path in talkers if not path.name.startswith("cli") and "cli" not in path.parts] == []


def test_no_drawer_for_anything() -> None:
    names = {str(path) for path in modules() if BANNED_NAMES & {path.stem, *path.parent.parts}}
    assert names == set()


@pytest.mark.parametrize("source", ["import os\nos.environ['A']", "from os import getenv\ngetenv('A')"])
def test_readers_of_the_environment_are_found(source: str) -> None:
    assert reads_environment(ast.parse(source))
    assert not reads_environment(ast.parse("import os\nos.fspath('A')"))


def test_imports_inside_functions_are_found() -> None:
    assert imported(ast.parse("def f():\n    import duckdb.typing\n    from torch.nn import Linear")) == {
        "duckdb",
        "torch",
    }


def test_prints_are_found() -> None:
    assert prints(ast.parse("def f():\n    print('x')"))
    assert not prints(ast.parse("console.print('x')"))
