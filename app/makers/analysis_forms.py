"""Forms on an analysis's page, for browsers without script."""

from collections.abc import Mapping

from app.makers.analysis_asking import SORT, AnalysisAsked, ask_analysis
from store.atlas.grammar import BadQuery, Fault
from store.edits import BadEdit, Edits, Operation, make_edits, parse_edits

KEPT = ("d", "sort", "concept", "patch", "painted")
"""Parameters of the page that go along with the form."""


def edits_of(given: Mapping[str, str]) -> AnalysisAsked:
    """What a form of edits asks: fields ``edit.N`` hold an edit's text, ``factor.N`` its new factor."""
    values = {name: given.get(name, "") for name in KEPT if name != "d"}
    if values["sort"] not in SORT.choices:
        values["sort"] = SORT.default
    edits = [_edit(text, given.get(name.replace("edit.", "factor."), "")) for name, text in _numbered(given)]
    together = make_edits([one for some in edits for one in some.edits])
    return ask_analysis(values | {"edits": together.text}, dictionary=given.get("d", ""))


def _numbered(given: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((name, text) for name, text in given.items() if name.startswith("edit."))


def _edit(text: str, factor: str) -> Edits:
    """The edit with another factor; the same where the field was left empty."""
    edits = parse_edits(text)
    if not factor.strip():
        return edits
    try:
        amount = float(factor)
    except ValueError as fault:
        raise BadQuery(Fault("factor", f"A factor is a number from 0 to 100, not '{factor:.20}'.")) from fault
    if len(edits.edits) != 1:
        raise BadEdit(f"Edit '{text:.40}' cannot be read.")
    values = {"concept": edits.edits[0].concept, "operation": Operation.SCALE, "amount": amount}
    return make_edits([values | {"patches": edits.edits[0].patches}])
