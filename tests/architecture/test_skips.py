"""Every test that may not run, or may fail, is listed here with its reason."""

import ast

import pytest

from tests.architecture.sources import dotted, functions, modules, parsed

# "path:function" (or "path" for a whole module) and the reason. An entry that is no longer needed fails the test.
LISTED: dict[str, str] = {
    "tests/services/test_cut_off.py:test_a_full_store_fails_the_job_cleanly_and_a_retry_succeeds": (
        "a small disk is mounted in a namespace of its own, which some machines allow to nobody"
    ),
}

MARKS = {"skip", "skipif", "xfail", "importorskip", "SkipTest", "skipTest", "exit"}
MODULES = {"pytest", "unittest", "mark"}


def is_skip(node: ast.AST) -> bool:
    """``pytest.skip``, ``pytest.mark.skipif``, ``mark.xfail``, ``unittest.SkipTest`` and the like."""
    parts = dotted(node).split(".")
    return isinstance(node, ast.Attribute) and parts[-1] in MARKS and parts[0] in MODULES


def skips(tree: ast.Module, name: str) -> set[str]:
    """Where skips stand: in which functions (their decorators included), or in the module outside of any."""
    inside: dict[ast.AST, str] = {}
    for function in functions(tree):
        inside.update(dict.fromkeys(ast.walk(function), f"{name}:{function.name}"))
    return {inside.get(node, name) for node in ast.walk(tree) if is_skip(node)}


def imported_skips(tree: ast.Module) -> set[str]:
    """Skips imported by their bare name would escape the search, so they are not allowed at all."""
    froms = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in MODULES)
    return {alias.name for node in froms for alias in node.names} & MARKS


def test_every_skip_is_listed() -> None:
    found = set().union(*(skips(parsed(path), str(path)) for path in modules("tests")))
    assert found == set(LISTED)


def test_no_skip_is_imported_by_its_bare_name() -> None:
    assert {str(path): names for path in modules("tests") if (names := imported_skips(parsed(path)))} == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def test_a():\n    pytest.skip('no')", {"t.py:test_a"}),
        ("@pytest.mark.skipif(True, reason='x')\ndef test_b(): ...", {"t.py:test_b"}),
        ("pytestmark = pytest.mark.xfail", {"t.py"}),
        ("onnx = pytest.importorskip('onnx')", {"t.py"}),
        ("def test_c():\n    page.skip()", set()),
    ],
)
def test_each_kind_of_skip_is_found(source: str, expected: set[str]) -> None:
    assert skips(ast.parse(source), "t.py") == expected


def test_bare_imports_are_found() -> None:
    assert imported_skips(ast.parse("from pytest import skip, raises")) == {"skip"}
