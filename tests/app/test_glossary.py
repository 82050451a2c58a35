"""The glossary leaves out no number, and says of each how to read it."""

import re

from starlette.testclient import TestClient

from app.makers.terms import make_glossary
from app.words import LABELS, NULL_OF, column_anchor, numbers
from store.atlas.readings import READINGS as OF_CONCEPTS
from store.metrics import METRICS
from store.metrics.readings import READINGS as OF_METRICS


def test_every_number_has_a_formula_a_reading_and_a_limit() -> None:
    assert set(OF_METRICS) == set(METRICS) - set(NULL_OF)
    assert set(OF_CONCEPTS) == set(numbers(universal=True))
    for key, reading in (OF_METRICS | OF_CONCEPTS).items():
        assert all((reading.formula, reading.reads.endswith("."), reading.misleads.endswith("."))), key


def test_anchors_are_there_once_and_nulls_stand_under_their_metric() -> None:
    terms = [term for section in make_glossary().sections for term in section.terms]
    keys = [term.key for term in terms]
    assert len(set(keys)) == len(keys)
    assert set(METRICS) | {column_anchor(name) for name in LABELS} <= set(keys)
    for term in terms:
        assert not term.null_of or term.null_of in keys


def test_the_page_has_what_the_api_has(client: TestClient) -> None:
    page = client.get("/glossary").text
    sections = client.get("/api/v1/glossary").json()["data"]["sections"]
    assert [section["key"] for section in sections] == re.findall(r'<h2 id="section-([^"]*)"', page)
    assert "1 − Σ‖x − x̂‖² / Σ‖x − μ‖²" in page
    assert len({section["key"] for section in sections}) == len(sections)
    for section in sections:
        assert f'href="#section-{section["key"]}"' in page
        for term in section["terms"]:
            assert f'id="{term["key"]}"' in page
