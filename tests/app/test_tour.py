"""The tour: chosen from the store by rule, each page with a bar, nothing of it elsewhere."""

import re

import pytest
from starlette.testclient import TestClient

from app.makers.tour import choose_concepts
from app.site import Opened


def test_it_begins_with_an_important_and_selective_concept(opened: Opened) -> None:
    """Slow twin: the largest product over all that qualify, one concept after another."""
    rows = [opened.atlas.concept(k) for k in range(opened.atlas.n_concepts)]
    good = [row for row in rows if row["density"] > 0 and not row["badges"] and row["n_images"] >= 16]
    good = good or [row for row in rows if row["density"] > 0]

    def score(row: dict[str, float]) -> float:
        return max(row["importance"] or 0, 0) * (1 if row["purity"] is None else row["purity"])

    best = max(good, key=lambda row: (score(row), -row["concept"]))
    chosen = choose_concepts(opened, 3)
    assert chosen[0] == best["concept"]
    assert len({opened.atlas.columns["top_class"][k] for k in chosen}) == len(chosen)


def test_every_step_is_a_page_with_a_bar(aligned: TestClient) -> None:
    home = aligned.get("/").text
    links = [link.replace("&amp;", "&") for link in re.findall(r'<li>\s*<a href="([^"]*tour=\d+[^"]*)"', home)]
    assert len(links) >= 4
    for number, link in enumerate(links, 1):
        led = aligned.get(f"/tour/{number}", follow_redirects=False)
        assert (led.status_code, led.headers["location"]) == (302, link)
        page = aligned.get(link)
        assert page.status_code == 200, link
        assert f"{number} of {len(links)}" in page.text
        plain = re.sub(r"[?&]tour=\d+", "", link)
        assert "tour-bar" not in aligned.get(plain).text
        tag = page.headers.get("etag")
        assert tag is None or tag != aligned.get(plain).headers["etag"]
    assert aligned.get(f"/tour/{len(links) + 1}").status_code == 404


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "1&tour=2"])
def test_a_step_that_is_none_shows_no_bar(client: TestClient, number: str) -> None:
    page = client.get(f"/glossary?tour={number}")
    assert page.status_code == 200
    assert ("tour-bar" in page.text) == (number == "1&tour=2")


def test_an_empty_store_says_what_to_do(empty: TestClient) -> None:
    page = empty.get("/").text
    assert "The store is empty" in page
    assert "conceptoscope demo" in page
    assert 'id="tour"' not in page
    assert empty.get("/tour/1").status_code == 404
