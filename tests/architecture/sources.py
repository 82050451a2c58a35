"""Reading our own source: the tracked files and what the architecture tests ask of a parsed module."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "store", "worker")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked_files() -> tuple[Path, ...]:
    """Files that git holds, or would hold after ``git add .``; relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(Path(name) for name in set(listed.split("\0")) - {""} if (ROOT / name).is_file()))


def modules(*folders: str) -> list[Path]:
    """Tracked Python files below these folders; below any folder where none is named."""
    return [path for path in tracked_files() if path.suffix == ".py" and (not folders or path.parts[0] in folders)]


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(text(path), filename=str(path))


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def n_lines(function: Function) -> int:
    """Lines from ``def`` to the end, without the docstring."""
    end = function.end_lineno or function.lineno
    docstring = function.body[0] if ast.get_docstring(function) is not None else None
    n_doc = (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1 if docstring else 0
    return end - function.lineno + 1 - n_doc


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of everything imported anywhere in the module, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def dotted(node: ast.AST) -> str:
    """``pytest.mark.skip`` for the expression of that name; empty for anything that is no dotted name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def names_used(tree: ast.AST) -> set[str]:
    """Every dotted name that is read somewhere."""
    return {name for node in ast.walk(tree) if (name := dotted(node))}
