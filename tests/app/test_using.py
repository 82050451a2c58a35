"""The lines of "Use this data": one idiom for each kind of address, any address, and nothing that breaks out."""

import ast
import re
from contextvars import copy_context

import pytest
from starlette.testclient import TestClient

from app.access.who import Who, ask_as
from app.makers.using import python_lines, use_lines

D = "/api/v1/dictionaries/tiny-topk"


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("/api/v1", "data = c.service()"),
        ("/api/v1/compare?model=net&sort=-l0", 'data = c.compare(model="net", sort="-l0")'),
        ("/api/v1/search?q=big%20disc&type=concept", 'data = c.search("big disc", type="concept")'),
        ("/api/v1/alignments/a/b?min=0.5&mutual=yes", 'data = c.alignment("a", "b", min=0.5, mutual="yes")'),
        ("/api/v1/alignments/a/b/c/d?in=all", 'data = c.together("a", "b", "c", "d", in_="all")'),
        ("/api/v1/images/3f?dictionary=x&patch=1,2", 'data = c.image("3f", dictionary="x", patch="1,2")'),
        ("/api/v1/jobs/7", "data = c.job(7)"),
        (f"{D}/concepts/6?band=q95", 'data = d[6].detail(band="q95")'),
        (
            f"{D}/concepts?class=disc&density__gte=0.0001&limit=48",
            'rows = d.concepts(class_="disc", density__gte=0.0001, limit=48)',
        ),
        (f"{D}/concepts?density__gte=1e-4&id__in=3,7", 'rows = d.concepts(density__gte="1e-4", id__in="3,7")'),
        (f"{D}/classes/3?against=1", "data = d.predicted(3, against=1)"),
        ("/api/v1/some/newer?thing=1", 'data = c.get("/api/v1/some/newer?thing=1")'),
        ("/api/v1/search?q=a&odd-name=1", 'data = c.search("a", **{"odd-name": 1})'),
    ],
)
def test_each_address_has_its_idiom(address: str, line: str) -> None:
    lines = python_lines(address)
    assert line in lines
    ast.parse("\n".join(lines))


@pytest.mark.parametrize("text", ["a'b", "a%22%29%0Aimport%20os", "nan", "inf", "007", "1_0", "-0", "%F0%9F%98%80"])
def test_values_stay_values(text: str) -> None:
    [call] = [
        node for node in ast.walk(ast.parse("\n".join(python_lines(f"/api/v1/jobs?kind={text}")))) if is_jobs(node)
    ]
    assert isinstance(call, ast.Call)
    assert isinstance(call.keywords[0].value, ast.Constant)
    assert isinstance(call.keywords[0].value.value, str)


def is_jobs(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "jobs"


def signed_in() -> tuple[str, str]:
    ask_as(Who("browser", "token x", token_id="x"))
    return use_lines("http://host/", "/api/v1")


def test_who_is_signed_in_is_told_where_the_token_goes() -> None:
    curl, python = copy_context().run(signed_in)
    assert curl == "curl 'http://host/api/v1' -H \"Authorization: Bearer $CONCEPTOSCOPE_TOKEN\""
    assert python.splitlines()[0] == "import os"
    assert 'c = Client("http://host", token=os.environ["CONCEPTOSCOPE_TOKEN"])' in python
    assert use_lines("http://host/", "/api/v1/it's")[0] == "curl 'http://host/api/v1/it%27s'"


def test_a_filtered_grid_brings_its_own_lines(client: TestClient) -> None:
    """What is swapped in has the foot of the page that would have been loaded."""
    query = "badge__not=dead&class=disc&sort=-density"
    page, part = client.get(f"/d/tiny-topk/c?{query}").text, client.get(f"/_f/d/tiny-topk/c?{query}").text
    for name in ("use-curl", "use-python", "page-json", "page-tables"):
        [whole] = re.findall(rf'<(?:code|a|dd)[^>]* ?id="{name}".*?</(?:code|a|dd)>', page, flags=re.DOTALL)
        [swapped] = re.findall(rf'<(?:code|a|dd)[^>]* ?id="{name}".*?</(?:code|a|dd)>', part, flags=re.DOTALL)
        assert swapped.replace(' hx-swap-oob="true"', "") == whole
