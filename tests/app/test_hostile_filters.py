"""SQL in every filter, and ways out of every folder: nothing is found that words alone would not find."""

from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from app.site import Site
from store.atlas.grammar import KINDS, OPS, Op

D: Final = "/api/v1/dictionaries/tiny-topk"
SQL: Final = (
    "' OR '1'='1",
    "x') OR 1=1 --",
    "%' OR label LIKE '%",
    '" OR ""="',
    "1; ATTACH '/etc/passwd'",
    "disc' UNION SELECT * FROM meta --",
)
FILTERS: Final = [(name, op) for name, kind in KINDS.items() for op in OPS[kind]]
OTHER: Final = (
    (f"{D}/images", "class"),
    (f"{D}/images", "split"),
    (f"{D}/classes?of=collection", "q"),
    ("/api/v1/dictionaries", "model"),
    ("/api/v1/dictionaries", "method"),
    ("/api/v1/compare", "model"),
    ("/api/v1/jobs", "kind"),
    ("/api/v1/jobs", "state"),
    ("/api/v1/search?q=disc", "dictionary"),
)
WAYS_OUT: Final = (
    "../../pyproject.toml",
    "..%2f..%2fpyproject.toml",
    "%2e%2e/%2e%2e/pyproject.toml",
    "css/../../app/main.py",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "..%5c..%5cpyproject.toml",
    "css/tokens.css%00.png",
)


def total(client: TestClient, url: str, **query: Any) -> int:
    """How many rows there are; none where the value is refused."""
    response = client.get(url, params=query)
    assert response.status_code in (200, 400, 404), response.text
    told = response.json()
    return 0 if response.status_code != 200 else told["page"]["total"] if told["page"] else len(told["data"])


def test_every_column_can_be_asked_for() -> None:
    assert len(FILTERS) > 100


@pytest.mark.slow
@pytest.mark.parametrize("op", sorted({op for _, op in FILTERS}))
def test_sql_in_a_filter_is_a_text_like_any_other(client: TestClient, op: Op) -> None:
    everything = total(client, f"{D}/concepts")
    for name in (name for name, one in FILTERS if one is op):
        expected = everything if op is Op.NOT and KINDS[name] != "number" else 0
        for value in SQL:
            asked = {name if op is Op.EQ else f"{name}__{op}": value, "limit": 1, "fields": "id"}
            assert total(client, f"{D}/concepts", **asked) == expected, (name, op, value)
    assert total(client, f"{D}/concepts") == everything


@pytest.mark.parametrize(("url", "name"), OTHER)
def test_so_it_is_in_other_lists(client: TestClient, url: str, name: str) -> None:
    path, _, query = url.partition("?")
    given = dict(pair.split("=") for pair in query.split("&") if pair)
    assert [total(client, path, **given, **{name: value}) for value in SQL] == [0] * len(SQL)


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_name_of_a_file_leads_out(client: TestClient, site: Site, way: str) -> None:
    atlas = site.roster.get("tiny-topk").atlas
    for folder in (f"/static/{site.static.digest}", f"/m/{atlas}/thumb", f"/m/{atlas}/sprite", f"{D}/export"):
        for ending in ("", ".webp", ".parquet"):
            answer = client.get(f"{folder}/{way}{ending}", follow_redirects=False)
            assert answer.status_code in (400, 404), answer.url
            assert "requires-python" not in answer.text
            assert "root:" not in answer.text
