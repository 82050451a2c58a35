"""Modules and functions stay small enough to be read in one go."""

import ast
from pathlib import Path

from tests.architecture.sources import functions, modules, n_lines, parsed, text

MODULE_LIMIT = 400
FUNCTION_LIMIT = 40

# What may be longer, and why. An entry that is no longer needed fails the test.
LONG_MODULES: dict[str, str] = {
    "app/urls.py": "the one place of all addresses, a function of two lines each",
    "conceptoscope/views.py": "written by a script: a class for each object of the API",
}
LONG_FUNCTIONS: dict[str, str] = {}
HISTORY = Path("migrations") / "versions"  # a migration is a list of tables, written once and never changed


def long_modules(paths: list[Path]) -> set[str]:
    return {str(path) for path in paths if len(text(path).splitlines()) > MODULE_LIMIT}


def long_functions(tree: ast.AST) -> set[str]:
    return {function.name for function in functions(tree) if n_lines(function) > FUNCTION_LIMIT}


def test_modules_are_short() -> None:
    assert long_modules(modules()) == set(LONG_MODULES)


def test_functions_are_short() -> None:
    found = {
        f"{path}:{name}" for path in modules() if HISTORY not in path.parents for name in long_functions(parsed(path))
    }
    assert found == set(LONG_FUNCTIONS)


def test_a_long_function_is_found_and_its_docstring_not_counted() -> None:
    body = "\n    x = 1" * (FUNCTION_LIMIT - 1)
    docstring = '\n    """One.\n\n    Two.\n    """'
    assert long_functions(ast.parse(f"def f():{docstring}{body}")) == set()
    assert long_functions(ast.parse(f"def f():{body}\n    x = 2")) == {"f"}


def test_the_history_is_where_it_is_said_to_be() -> None:
    assert any(HISTORY in path.parents for path in modules("migrations"))
