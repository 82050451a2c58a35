"""Every template compiles; every page stands on the base and has a title of its own."""

from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from app.render import environment
from store.resources import resource

TEMPLATES = resource("templates")
NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
PAGES = [name for name in NAMES if name != "base.html" and not any(part.startswith("_") for part in Path(name).parts)]
BASE = "base.html"


def faults(source: str) -> list[str]:
    """What a page's template lacks."""
    tree = Environment(autoescape=True, extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"]).parse(source)
    parents = [node.template.value for node in tree.find_all(nodes.Extends) if isinstance(node.template, nodes.Const)]
    titles = [block for block in tree.find_all(nodes.Block) if block.name == "title"]
    return [
        *([] if parents == [BASE] else [f"extends {parents}"]),
        *([] if titles and any(not is_blank(node) for node in titles[0].body) else ["no title"]),
    ]


def is_blank(node: nodes.Node) -> bool:
    parts = node.nodes if isinstance(node, nodes.Output) else [node]
    return all(isinstance(part, nodes.TemplateData) and not part.data.strip() for part in parts)


def test_there_are_templates() -> None:
    assert BASE in NAMES
    assert PAGES


@pytest.mark.parametrize("name", NAMES)
def test_template_compiles(name: str) -> None:
    environment().get_template(name)


@pytest.mark.parametrize("name", PAGES)
def test_page_has_base_and_title(name: str) -> None:
    assert faults((TEMPLATES / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{% extends "base.html" %}{% block title %}{{ name }}{% endblock %}', []),
        ('{% extends "base.html" %}{% block title %} {% endblock %}', ["no title"]),
        ('{% extends "base.html" %}', ["no title"]),
        ("{% block title %}Home{% endblock %}", ["extends []"]),
    ],
)
def test_faults_are_found(source: str, expected: list[str]) -> None:
    assert faults(source) == expected
