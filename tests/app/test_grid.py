"""The grid: what it offers, keeps and takes; every count against a literal recount over the API's rows."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.makers.facets import HEIGHT, silhouette
from app.render import Pages
from store.settings import Settings
from tests.app.annotating import copied

D, API = "/d/tiny-topk", "/api/v1/dictionaries/tiny-topk"
FILTERS = st.lists(
    st.sampled_from(
        (
            *("class__in=disc,dots", "class__in=square", "class__isnull=false", "badge__not=dead", "badge__in=dense"),
            *(
                "density__gte=0.05",
                "max__lte=2",
                "importance__gt=0",
                "purity__gte=0.5",
                "label_source__in=none",
                "q=d",
                "cluster__in=1,2",
            ),
        )
    ),
    unique_by=lambda text: text.partition("_")[0],
    max_size=4,
)


@pytest.fixture
def writable(settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    with copied(settings, tmp_path) as client:
        yield client


def rows_of(client: TestClient, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{API}/concepts?{query}&limit=200").json()["data"]
    return found


def words_of(row: dict[str, Any], column: str) -> list[str]:
    known = {"class": row["top_class"], "badge": row["badges"], "label_source": row["label_source"] or "none"}
    value = (known | {"cluster": str(row["cluster"])})[column]
    return value if isinstance(value, list) else [value]


@trying(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters=FILTERS)
def test_all_counts_equal_a_recount(client: TestClient, filters: list[str]) -> None:
    facets = client.get(f"{API}/facets?{'&'.join(filters)}").json()["data"]
    assert facets["total"] == len(rows_of(client, "&".join(filters)))
    for column, one in facets["ranges"].items():
        rows = rows_of(client, "&".join(text for text in filters if text.partition("_")[0] != column))
        for place, (low, high) in enumerate(zip(one["edges"], one["edges"][1:], strict=False)):
            is_last = place == len(one["counts"]) - 1
            values = [row[column] for row in rows if row[column] is not None]
            assert one["counts"][place] == sum(low <= v < high or (is_last and v == high) for v in values)
    for column in ("class", "badge", "label_source", "cluster"):
        rows = rows_of(client, "&".join(text for text in filters if not text.startswith(column)))
        counts: dict[str, int] = {}
        for row in rows:
            for word in filter(None, words_of(row, column)):
                counts[word] = counts.get(word, 0) + 1
        assert facets[column] == counts


def test_a_range_of_bars_keeps_what_it_counts(client: TestClient) -> None:
    for column, one in client.get(f"{API}/facets?badge__not=dead").json()["data"]["ranges"].items():
        last = len(one["counts"])
        for first, beyond in ((0, last), (last // 3, last // 2 + 1), (last - 1, last)):
            bounds = f"{column}__gte={one['edges'][first]!r}&{column}__lte={one['edges'][beyond]!r}"
            assert len(rows_of(client, f"badge__not=dead&{bounds}")) == sum(one["counts"][first:beyond])


def test_a_form_and_its_canonical_address_ask_for_the_same(client: TestClient) -> None:
    boxes = "class__in=disc&class__in=dots&show=max&show=purity&select=3&select=6&q=&density__gte="
    fragment = client.get(f"/_f{D}/c?{boxes}")
    pushed = fragment.headers["hx-push-url"]
    assert pushed == f"{D}/c?class__in=disc,dots&show=max,purity&select=3,6"
    again = client.get(f"/_f{pushed}")
    assert (again.text, again.headers["etag"]) == (fragment.text, fragment.headers["etag"])


def test_clusters_are_a_facet_under_the_names_that_the_map_gives_them(client: TestClient) -> None:
    clusters = client.get(f"{API}/map?points=0").json()["data"]["clusters"]
    text = html.unescape(client.get(f"{D}/c?cluster__in=1&class__in=disc").text)
    assert f'href="{D}/map?class__in=disc&cluster__in=1"' in text
    for one in clusters:
        number = str(one["cluster"])
        called = one["name"] if one["name"] == f"cluster {number}" else f"{one['name']} · {number}"
        checked = " checked" if number == "1" else ""
        box = f'<input type="checkbox" name="cluster__in" value="{number}"{checked}><span>{called}</span>'
        n = len(rows_of(client, f"cluster={number}&class__in=disc"))
        assert f"{box}<span>{n}</span>" in text
        assert one["evidence"] in text
        if checked:
            assert f"Cluster = {called}" in text
        found = html.unescape(client.get(f"/_f{D}/values/cluster", params={"find": called.upper()}).text)
        assert f'value="{number}"' in found
    assert "clusters on the map" not in client.get(f"{D}/values/cluster").text
    assert client.get(f"{D}/c?cluster__in=999").status_code == 200
    assert client.get(f"{D}/c?cluster__in=fish").status_code == 400


def test_values_with_commas_stay_whole(client: TestClient) -> None:
    text = client.get(f"{D}/c", params={"class__in": r"tench\, Tinca,disc"}).text
    assert "Top class = tench, Tinca" in text
    assert "Top class = disc" in text


def test_the_table_shows_the_columns_that_are_asked_for(client: TestClient) -> None:
    text = client.get(f"{D}/c?view=table&show=max,class&sort=-max").text
    headings = [re.sub(r"<[^>]*>", "", one) for one in re.findall(r"<th scope=\"col\".*?</th>", text, re.S)]
    assert [heading.strip(" ↓") for heading in headings] == ["Concept", "Peaks", "Max", "Top class"]
    assert 'aria-sort="descending"' in text
    assert f'href="{D}/c?sort=max&amp;show=max,class&amp;view=table"' in text


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("view=rows", "view"),
        ("size=xl", "size"),
        ("select=3,x", "select"),
        ("show=name", "show"),
        ("select=99999", "99999"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, query: str, word: str) -> None:
    answer = client.get(f"{D}/c?{query}")
    assert answer.status_code in (400, 404)
    assert word in answer.text


def test_the_selection_stays_in_every_address(client: TestClient) -> None:
    text = html.unescape(client.get(f"{D}/c?select=3,6&limit=5&class__in=disc").text)
    links = re.findall(rf'href="({D}/c\?[^"]*)"[^>]*hx-get', text)
    assert len(links) > 8
    assert all("select=3,6" in link for link in links)
    assert f'href="{D}/compare?c=3,6"' in text


def test_a_peek_has_sixteen_tiles_at_most_and_the_way_on(client: TestClient) -> None:
    text = client.get(f"/_f{D}/c/6/peek?sort=-density").text
    assert 1 <= text.count('class="tile"') <= 16
    assert f'href="{D}/c/6?sort=-density"' in text


def test_values_are_found_beyond_the_first(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    views: list[Any] = []
    monkeypatch.setattr(Pages, "text", lambda _self, _template, **variables: views.append(variables["view"]) or "")
    client.get(f"{D}/values/class?find=D&class__in=disc")
    assert {choice.label for choice in views[0].values} >= {"disc", "dots"}
    assert [choice.label for choice in views[0].values if choice.current] == ["disc"]
    client.get(f"/_f{D}/values/class?find=square&class__in=disc")
    assert [choice.label for choice in views[-1].values if choice.current] == ["disc"]
    assert client.get(f"{D}/values/colour").status_code == 404


def test_many_concepts_go_on_a_list_at_once(writable: TestClient) -> None:
    total = writable.get(f"{API}/concepts?class=disc").json()["page"]["total"]
    sent = {"title": "All discs", "query": "class=disc&sort=-density"}
    answer = writable.post(f"{D}/c/lists", data=sent, follow_redirects=False)
    assert answer.status_code == 303
    uid = answer.headers["location"].rpartition("/")[2]
    there = writable.get(f"/api/v1/lists/{uid}?limit=200").json()["data"]["items"]
    ordered = [row["id"] for row in rows_of(writable, "class=disc&sort=-density")]
    assert [item["index"] for item in there] == ordered
    assert writable.get(f"{API}/concepts?list={uid}").json()["page"]["total"] == total
    writable.post(f"{D}/c/lists", data={"list": uid, "select": f"{ordered[0]},3"})
    assert writable.get(f"/api/v1/lists/{uid}").json()["data"]["card"]["n_concepts"] == len({*ordered, 3})
    assert writable.post(f"{D}/c/lists", data={"title": "None", "query": "density__gt=2"}).status_code == 400
    assert "All discs" in writable.get(f"{D}/c").text


@given(counts=st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_a_silhouette_is_as_high_as_its_counts(counts: list[int]) -> None:
    most = max(counts)
    heights, at = [], HEIGHT
    for step in re.findall(r"(?:v(-?\d+))?h10", silhouette(counts, most=most)):
        at += int(step or 0)
        heights.append(HEIGHT - at)
    assert heights == [max(round(HEIGHT * count / most), 2) if count else 0 for count in counts]
