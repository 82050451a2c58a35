"""Metrics of the store's dictionaries for the command line."""

from pathlib import Path

from store.catalog.comparisons import save_comparison
from store.catalog.dictionaries import get_dictionary
from store.catalog.session import Catalog
from tests.app.measuring import peers_store
from tests.store.catalog.queries import asked
from worker.scores import all_scores


def test_many_dictionaries_are_read_by_as_many_queries_as_few(tmp_path: Path) -> None:
    counts = []
    for number, slugs in enumerate((["a-topk"], ["a-topk", "b-topk", "e-topk"])):
        settings = peers_store(tmp_path / str(number), *slugs)
        with asked() as statements:
            assert [row["dictionary"] for row in all_scores(settings)] == slugs
        counts.append(len([one for one in statements if one.startswith("SELECT") and "alembic" not in one]))
    assert counts == [2, 2]


def test_later_measurements_stand_beside_those_of_the_training(tmp_path: Path) -> None:
    settings = peers_store(tmp_path, "a-topk", "b-topk")
    catalog = Catalog(settings.catalog_url)
    with catalog.session() as session:
        one, other = (get_dictionary(session, slug).digest for slug in ("a-topk", "b-topk"))
        save_comparison(session, one, other, values={"stability": 0.5})
    catalog.close()
    rows = {row["dictionary"]: (row["r2"], row["stability"], row["plausibility"]) for row in all_scores(settings)}
    assert rows == {"a-topk": (0.5, 0.5, None), "b-topk": (0.7, 0.5, 0.4)}
