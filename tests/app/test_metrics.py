"""Numbers of a dictionary: where they come from, their nulls, their groups, their ranks."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.main import make_app
from app.makers.metrics import in_two_columns, metrics_of, rank_of
from app.roster import Roster
from app.site import Site
from app.views.metrics import MetricGroup
from app.words import GROUP_OF, METRIC_GROUPS, NULL_OF
from store.catalog.comparisons import save_comparison
from store.catalog.dictionaries import get_dictionary, switch_atlas
from store.catalog.session import Catalog
from store.metrics import GROUPS, METRICS
from tests.app.measuring import ALONE, MEASURED, UNMEASURED, peers_store, save_metrics, view_of
from tests.store.catalog.queries import asked

few = st.integers(0, 5).map(float)


@pytest.fixture
def client(peers: TestClient) -> TestClient:
    return peers


def test_every_metric_has_a_group_and_every_group_words() -> None:
    assert set(GROUP_OF) == set(METRICS)
    assert list(METRIC_GROUPS) == list(GROUPS)
    assert all(word.label and word.definition for word in METRIC_GROUPS.values())


def test_every_null_stands_beside_a_metric_that_is_none() -> None:
    named = {metric.null for metric in METRICS.values() if metric.null}
    said = {key for key, metric in METRICS.items() if metric.definition.startswith("Null of")}
    assert named | said == set(NULL_OF)
    assert not set(NULL_OF.values()) & set(NULL_OF)
    assert NULL_OF["r2_permuted_codes"] == NULL_OF["r2_data_atoms"] == "r2"


@given(st.lists(few, min_size=1, max_size=8), st.sampled_from(["higher", "lower"]))
def test_ranks_are_places_in_the_order_from_best_to_worst(values: list[float], better: str) -> None:
    ordered = sorted(values, reverse=better == "higher")
    for index, value in enumerate(values):
        rank = rank_of(value, values[:index] + values[index + 1 :], better=better)
        if len(values) == 1:
            assert rank is None
            continue
        assert rank is not None
        assert rank.place == 1 + ordered.index(value)
        assert rank.tied == values.count(value) - 1
        assert rank.of == len(values)


def test_where_neither_way_is_better_nothing_is_ranked() -> None:
    assert rank_of(3.0, [1.0, 2.0], better="neither") is None


@given(st.lists(st.integers(1, 9), max_size=8))
def test_two_columns_keep_their_orders_and_are_as_alike_as_they_can_be(sizes: list[int]) -> None:
    groups = [MetricGroup.model_construct(key=str(n), numbers=(None,) * size) for n, size in enumerate(sizes)]
    columns = in_two_columns(groups)
    keys = [[int(group.key) for group in column] for column in columns]
    assert sorted(itertools.chain(*keys)) == list(range(len(sizes)))
    assert len(columns) <= 2
    assert all(column == sorted(column) for column in keys)
    assert not sizes or keys[0][0] == 0
    heights = [3 + size for size in sizes]
    whole = sum(heights)
    gaps = [
        abs(whole - 2 * sum(chosen)) for n in range(len(sizes) + 1) for chosen in itertools.combinations(heights, n)
    ]
    found = sum(3 + len(group.numbers) for group in columns[0]) if columns else 0
    assert abs(whole - 2 * found) == min(gaps)


def test_the_page_ranks_a_dictionary_among_those_of_its_layer(client: TestClient) -> None:
    view = view_of(client, "/d/b-topk")
    assert view.n_peers == len(MEASURED) - 1
    scores = {score.key: score for score in view.numbers}
    for key, score in scores.items():
        others = [values[key] for slug, values in MEASURED.items() if slug != "b-topk" and key in values]
        way = METRICS[key].better
        if way == "neither" or not others:
            assert score.rank is None
            continue
        ahead = [other for other in others if (other > score.value if way == "higher" else other < score.value)]
        assert (score.rank.place, score.rank.of) == (1 + len(ahead), 1 + len(others))
    assert scores["r2"].rank.model_dump() == {"place": 2, "of": 4, "tied": 1}
    assert scores["dead_share_all"].rank.place == 1  # lower is better
    assert scores["r2"].null == MEASURED["b-topk"]["r2_data_atoms"]
    assert [null.label for null in scores["r2"].nulls] == ["R² of token atoms", "R² of random atoms"]


def test_all_numbers_of_the_page_are_in_its_groups_once(client: TestClient) -> None:
    view = view_of(client, "/d/b-topk")
    rows = [score.key for column in view.groups for group in column for score in group.numbers]
    nulls = {null.label for score in view.numbers for null in score.nulls}
    assert len(rows) == len(set(rows))
    assert set(rows) | {key for key in NULL_OF if METRICS[key].label in nulls} == {s.key for s in view.numbers}
    assert [score.key for score in view.headline] == ["r2", "l0", "dead_share_all", "plausibility"]


def test_the_page_says_definition_null_and_rank_without_script(client: TestClient) -> None:
    text = client.get("/d/b-topk").text
    row = text.split('id="metric-r2"')[1].split("</details>")[0]
    assert METRICS["r2"].definition in row
    assert METRICS["r2_data_atoms"].definition in row
    assert "2<span" in row  # 2= of 4
    assert " of 4" in row
    assert ", higher is better" in row
    assert 'href="/compare?model=tinynet&amp;layer=stage4&amp;collection=shapes"' in text


def test_a_dictionary_without_peers_is_not_ranked(client: TestClient) -> None:
    view = view_of(client, f"/d/{ALONE}")
    assert view.n_peers == 0
    assert all(score.rank is None for score in view.numbers)
    text = client.get(f"/d/{ALONE}").text
    assert "The only dictionary" in text
    assert 'class="n rank"' not in text


def test_a_dictionary_of_which_nothing_was_measured_says_so(client: TestClient) -> None:
    assert view_of(client, f"/d/{UNMEASURED}").numbers == ()
    assert "Nothing was measured." in client.get(f"/d/{UNMEASURED}").text


def test_the_density_of_held_out_tokens_is_drawn_from_its_first_concept(client: TestClient) -> None:
    view = view_of(client, "/d/b-topk")
    bars = view.density_held_out.bars
    assert bars[0].count > 0
    assert bars[-1].high == pytest.approx(1)
    silent = int(view.density_held_out.title.split("(")[1].split()[0])
    assert sum(bar.count for bar in bars) + silent == view.card.n_concepts


def test_later_measurements_show_at_once_and_unknown_or_infinite_ones_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.roster.FRESH_FOR_S", 0.0)
    settings = peers_store(tmp_path, "a-topk", "b-topk")
    catalog = Catalog(settings.catalog_url)
    with TestClient(make_app(settings)) as client:
        url = "/api/v1/dictionaries/a-topk/metrics"
        before = client.get(url)
        page = client.get("/d/a-topk")
        with catalog.session() as session:
            one, other = (get_dictionary(session, slug) for slug in ("a-topk", "b-topk"))
            values = {"stability": 0.625, "pw_mcc": float("inf"), "of_tomorrow": 1.0}
            save_comparison(session, one.digest, other.digest, values=values)
        after = client.get(url, headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        told = {row["key"]: row for row in after.json()["data"]["metrics"]}
        assert told["stability"]["value"] == 0.625
        assert not {"pw_mcc", "of_tomorrow"} & set(told)
        assert client.get("/d/a-topk", headers={"If-None-Match": page.headers["etag"]}).status_code == 200
    catalog.close()


def test_numbers_belong_to_the_dictionary_that_the_atlas_shows(tmp_path: Path) -> None:
    settings = peers_store(tmp_path, "a-topk", "b-topk")
    catalog = Catalog(settings.catalog_url)
    with catalog.session() as session:
        other = get_dictionary(session, "b-topk").atlas
        assert other is not None
        switch_atlas(session, get_dictionary(session, "a-topk"), digest=other.digest, headline={})
    save_metrics(catalog, {"a-topk": {"r2": 0.01}})
    with TestClient(make_app(settings)) as client:
        site: Site = client.app.state.site  # type: ignore[attr-defined]  # Starlette types it as a bare callable
        entry = site.roster.get("a-topk")
        assert metrics_of(site, entry)["r2"] == MEASURED["b-topk"]["r2"]
        assert entry.metrics["r2"] == 0.01
    catalog.close()


def test_many_dictionaries_are_read_by_as_many_queries_as_few(tmp_path: Path) -> None:
    counts = []
    for number, slugs in enumerate((["a-topk"], ["a-topk", "b-topk", "e-topk"])):
        settings = peers_store(tmp_path / str(number), *slugs)
        catalog = Catalog(settings.catalog_url)
        with asked(catalog.engine) as statements:
            assert len(Roster(catalog).entries()) == len(slugs)
        catalog.close()
        counts.append(len(statements))
    assert counts == [3, 3]
