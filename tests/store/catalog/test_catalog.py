"""The catalog, on a database built by the real migrations."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from store.catalog.collections import get_collection, list_collections, save_collection
from store.catalog.comparisons import list_comparisons, metrics_of, metrics_of_all, save_comparison
from store.catalog.dictionaries import (
    DictionaryFacts,
    get_dictionary,
    list_dictionaries,
    save_dictionary,
    switch_atlas,
)
from store.catalog.models import get_model, list_models, save_model
from store.catalog.session import Catalog
from store.catalog.tables import Dictionary
from store.errors import NotFound
from tests.store.catalog.queries import asked


def record(catalog: Catalog, slug: str = "d", digest: str = "a" * 64) -> None:
    with catalog.session() as session:
        model = save_model(session, "m", title="Model", facts={"name": "m"})
        collection = save_collection(session, "c", title="C", digest="b" * 64, folder=Path("photos"), n_images=3)
        known: tuple[dict[str, Any], dict[str, float]] = {"n_active": 4}, {"r2": 0.25}
        facts = DictionaryFacts(slug, "Title", model, collection, "final", "topk", digest, 16, *known)
        save_dictionary(session, facts)


def test_a_dictionary_is_listed_once_it_has_an_atlas(catalog: Catalog) -> None:
    record(catalog)
    with catalog.session() as session:
        assert list_dictionaries(session) == []
        (waiting,) = list_dictionaries(session, with_atlas=False)
        assert (waiting.atlas, waiting.spec, waiting.metrics) == (None, {"n_active": 4}, {"r2": 0.25})
        switch_atlas(session, get_dictionary(session, "d"), digest="e" * 64, headline={"r2": 0.5})
    with catalog.session() as session:
        (row,) = list_dictionaries(session)
    assert (row.slug, row.model.title, row.collection.slug, row.atlas and row.atlas.headline) == (
        "d",
        "Model",
        "c",
        {"r2": 0.5},
    )


def test_saving_again_renews_and_switching_keeps_one_atlas(catalog: Catalog) -> None:
    record(catalog)
    record(catalog, digest="f" * 64)
    for digest in ("1" * 64, "2" * 64):
        with catalog.session() as session:
            switch_atlas(session, get_dictionary(session, "d"), digest=digest, headline={})
    with catalog.session() as session:
        row = get_dictionary(session, "d")
        assert row.digest == "f" * 64
        assert row.atlas is not None
        assert row.atlas.digest == "2" * 64
        assert session.scalar(text("SELECT count(*) FROM atlas")) == 1
        assert len(list_models(session)) == len(list_collections(session)) == 1


def test_a_comparison_belongs_to_both_and_is_renewed(catalog: Catalog) -> None:
    a, b, c = ("a" * 64, "b" * 64, "c" * 64)
    with catalog.session() as session:
        save_comparison(session, b, a, values={"stability": 0.1})
        save_comparison(session, a, b, values={"stability": 0.2})
        save_comparison(session, a, c, values={"stability": 0.3})
    with catalog.session() as session:
        assert [row.values["stability"] for row in list_comparisons(session, [a])] == [0.2, 0.3]
        assert [row.values["stability"] for row in list_comparisons(session, [b])] == [0.2]


def test_metrics_of_many_dictionaries_take_one_query_and_equal_those_of_each(catalog: Catalog) -> None:
    digests = [letter * 64 for letter in "abcd"]
    for digest in digests:
        record(catalog, slug=digest[0], digest=digest)
    a, b, c, _ = digests
    with catalog.session() as session:
        save_comparison(session, a, b, values={"stability": 0.25, "pw_mcc": 0.5})
        save_comparison(session, a, c, values={"stability": 0.75})
        save_comparison(session, a, "e" * 64, values={"monosemanticity": 0.125})
    with catalog.session() as session:
        rows = list_dictionaries(session, with_atlas=False)
        with asked(catalog.engine) as statements:
            found = {row.slug: metrics for row, metrics in zip(rows, metrics_of_all(session, rows), strict=True)}
        assert len(statements) == 1
        assert found == {row.slug: metrics_of(session, row) for row in rows}
    assert found["a"] == {"r2": 0.25, "stability": 0.5, "pw_mcc": 0.5, "monosemanticity": 0.125}
    assert found["b"] == {"r2": 0.25, "stability": 0.25, "pw_mcc": 0.5}
    assert found["d"] == {"r2": 0.25}


def test_an_error_rolls_everything_back(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError), catalog.session() as session:
        save_model(session, "m", title="Model", facts={})
        raise RuntimeError
    with catalog.session() as session:
        assert list_models(session) == []


def test_unknown_names_are_told_with_near_ones(catalog: Catalog) -> None:
    record(catalog, slug="efficientnet-final-topk")
    with catalog.session() as session:
        with pytest.raises(NotFound, match="Known: efficientnet-final-topk"):
            get_dictionary(session, "efficientnet-topk")
        with pytest.raises(NotFound, match="No model named 'x'"):
            get_model(session, "x")
        with pytest.raises(NotFound, match="No collection named 'y'"):
            get_collection(session, "y")


def test_foreign_keys_hold(catalog: Catalog) -> None:
    with catalog.session() as session:
        orphan = Dictionary(
            slug="o", title="O", model_id=99, collection_id=99, layer="l", method="topk", digest="x", n_concepts=1
        )
        session.add(orphan)
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()


def test_times_are_kept_with_their_zone(catalog: Catalog) -> None:
    record(catalog)
    with catalog.session() as session:
        made = get_dictionary(session, "d").created_at
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=5)


def test_writers_at_once_do_not_lose_each_other(catalog: Catalog) -> None:
    def save(number: int) -> None:
        with catalog.session() as session:
            save_model(session, f"m{number}", title="Model", facts={})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(40)))
    with catalog.session() as session:
        assert len(list_models(session)) == 40


def test_sqlite_logs_writes_ahead(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path / 'sub' / 'catalog.sqlite'}")
    with catalog.session() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
    catalog.close()
