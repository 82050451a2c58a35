"""Forms on an analysis's page, for browsers without script."""

from collections.abc import Mapping

from app.makers.analysis_asking import MAP, SORT, AnalysisAsked, ask_analysis
from store.atlas.grammar import BadQuery, Fault
from store.edits import LIMITS, BadEdit, Edits, Operation, make_edits, parse_edits

KEPT = ("d", "sort", "concept", "patch", "painted", "map", "stream")
"""Parameters of the page that go along with the form."""


def edits_of(given: Mapping[str, str]) -> AnalysisAsked:
    """What a form of edits asks.

    Fields ``edit.N`` hold an edit's text, ``how.N`` what happens now, ``factor.N`` and ``code.N`` how much of it.
    """
    values = {name: given.get(name, "") for name in KEPT if name != "d"}
    if values["sort"] not in SORT.choices:
        values["sort"] = SORT.default
    if values["map"] not in MAP.choices:
        values["map"] = ""
    edits = [_edit(text, given, number=name.removeprefix("edit.")) for name, text in _numbered(given)]
    together = make_edits([one for some in edits for one in some.edits])
    return ask_analysis(values | {"edits": together.text}, dictionary=given.get("d", ""))


def _numbered(given: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((name, text) for name, text in given.items() if name.startswith("edit."))


def _edit(text: str, given: Mapping[str, str], *, number: str) -> Edits:
    """The edit with another factor or code; the same where the field was left empty."""
    edits = parse_edits(text)
    is_held = given.get(f"how.{number}") == Operation.CLAMP
    name = "code" if is_held else "factor"
    amount = _amount(name, given.get(f"{name}.{number}", ""))
    if amount is None:
        return edits
    if len(edits.edits) != 1:
        raise BadEdit(f"Edit '{text:.40}' cannot be read.")
    operation = Operation.CLAMP if is_held else Operation.SCALE
    values = {"concept": edits.edits[0].concept, "operation": operation, "amount": amount}
    return make_edits([values | {"patches": edits.edits[0].patches}])


def _amount(name: str, text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError as fault:
        least, most = LIMITS[Operation.CLAMP if name == "code" else Operation.SCALE]
        said = f"A {name} is a number from {least:g} to {most:g}, not '{text:.20}'."
        raise BadQuery(Fault(name, said)) from fault
