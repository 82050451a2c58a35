"""The design page shows every shared piece, and the colours that it measures reach what they must."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from app.makers.design import make_design
from app.makers.palette import contrast
from app.render import environment
from store.resources import resource

TEMPLATES = Path(str(resource("templates")))
PARTIALS = sorted((TEMPLATES / "_partials").glob("*.html"))
FRAME = {"entry"}
"""Macros of the masthead, which stands on the page as on any other."""


def called(node: nodes.Node) -> set[str]:
    """Names of the macros that a part of a template calls."""
    calls = {call.node.name for call in node.find_all(nodes.Call) if isinstance(call.node, nodes.Name)}
    return calls | {
        one.call.node.name for one in node.find_all(nodes.CallBlock) if isinstance(one.call.node, nodes.Name)
    }


def macros(path: Path) -> Iterator[nodes.Macro]:
    return Environment(autoescape=True).parse(path.read_text(encoding="utf-8")).find_all(nodes.Macro)


def shown() -> set[str]:
    """Macros that the page calls, and those that these call."""
    calls = {macro.name: called(macro) for path in PARTIALS for macro in macros(path)}
    waiting = called(
        Environment(autoescape=True).parse((TEMPLATES / "design" / "page.html").read_text(encoding="utf-8"))
    )
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        waiting |= calls.get(name, set()) - seen
        seen.add(name)
    return seen


def test_every_shared_piece_stands_on_the_design_page() -> None:
    forgotten = {macro.name for path in PARTIALS for macro in macros(path)} - shown() - FRAME
    assert forgotten == set(), "show these macros of templates/_partials in templates/design/page.html"


def test_every_partial_is_called_or_included() -> None:
    text = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("design/page.html", "base.html"))
    assert [path.name for path in PARTIALS if f"_partials/{path.name}" not in text] == []


def test_colours_reach_their_contrast() -> None:
    short = {
        (swatch.name, on.name): (on.light, on.dark)
        for swatch in make_design().swatches
        for on in swatch.grounds
        if min(on.light, on.dark) < swatch.least
    }
    assert short == {}


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.478), ("#123456", "#123456", 1)]
)
def test_contrast_as_the_guideline_has_it(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=1e-3)
    assert contrast(other, one) == contrast(one, other)


def test_the_page_compiles() -> None:
    environment().get_template("design/page.html")
