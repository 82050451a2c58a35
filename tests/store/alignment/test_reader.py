"""What was written into an alignment's file comes back; what is not there is said."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from store.alignment.reader import Alignment
from store.alignment.schema import SCHEMA
from store.alignment.sides import Side, SideFacts
from store.catalog.alignments import find_alignment, list_alignments
from store.catalog.session import Catalog
from store.catalog.wanted import list_references
from store.errors import NotFound
from store.settings import Settings
from store.vocabulary import Kind
from tests.alignments import make_alignments
from tests.factories import SHOWN, dictionary_digest, make_store


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root: Path = tmp_path_factory.mktemp("aligned")
    return make_store(root)


@pytest.fixture(scope="module")
def alignments(settings: Settings) -> list[Alignment]:
    return [Alignment(artifact) for artifact in make_alignments(settings)]


@pytest.fixture(scope="module")
def alignment(alignments: list[Alignment]) -> Alignment:
    return alignments[0]


def test_sides_are_ordered_by_digest_and_known_by_it(alignment: Alignment) -> None:
    one, other = (dictionary_digest(shown) for shown in SHOWN[:2])
    assert {alignment.sides[side].dictionary for side in Side} == {one, other}
    assert alignment.sides[Side.A].dictionary < alignment.sides[Side.B].dictionary
    assert alignment.side_of(one) is alignment.side_of(other).other
    with pytest.raises(NotFound):
        alignment.side_of("0" * 64)


def test_facts_of_a_side_survive_json(alignment: Alignment) -> None:
    for facts in alignment.sides.values():
        assert SideFacts.from_json(facts.as_json()) == facts


def test_columns_agree_with_rows(alignment: Alignment) -> None:
    pairs = alignment.pairs
    assert set(pairs) == {column.name for column in SCHEMA.table("pair").columns}
    assert (np.diff(pairs["correlation"]) <= 0).all()
    for rank, (a, b) in enumerate(zip(pairs["a"].tolist(), pairs["b"].tolist(), strict=True)):
        assert alignment.pair(a, b)["rank"] == rank
    for side in Side:
        states = alignment.concepts[side]["status"].tolist()
        assert len(states) == alignment.sides[side].n_concepts
        counts = alignment.summary[side.value]
        assert {name: states.count(name) for name in counts} == counts
        assert sum(counts.values()) == len(states)
        first = alignment.concept(side, 0)
        assert first["status"] == states[0]


def test_pairs_are_one_to_one(alignment: Alignment) -> None:
    for side in Side:
        assert len(set(alignment.pairs[side.value].tolist())) == len(alignment.pairs["rank"])


def test_candidates_stand_in_order_and_best_is_first(alignment: Alignment) -> None:
    for side in Side:
        for concept, best in enumerate(alignment.concepts[side]["best"].tolist()):
            found = alignment.candidates(side, concept)
            assert [row["rank"] for row in found] == list(range(len(found)))
            assert (found[0]["other"] if found else None) == best


def test_shared_examples_have_maps_on_their_own_grids(alignment: Alignment) -> None:
    pairs = [(int(a), int(b)) for a, b in zip(alignment.pairs["a"], alignment.pairs["b"], strict=True)]
    found = alignment.shared_examples(pairs)
    assert list(found) == pairs
    shown = [(pair, row) for pair, rows in found.items() for row in rows]
    assert shown
    for (a, b), row in shown:
        for side in Side:
            heat, scale = alignment.heat(a, b, rank=row["rank"], side=side)
            assert heat.max() == 255
            assert scale == row[f"value_{side}"]
            assert heat.shape == (alignment.sides[side].grid.rows, alignment.sides[side].grid.cols)
        assert alignment.thumbnail(row["id"])[8:12] == b"WEBP"
        assert alignment.image(row["id"])["image"] == row["image"]
    assert alignment.shared_examples([]) == {}


def test_fans_belong_to_split_concepts(alignments: list[Alignment]) -> None:
    alignment = alignments[1]
    assert alignment.fans(Side.A)
    for side in Side:
        rows = alignment.fans(side)
        assert {r["concept"] for r in rows} == set(np.flatnonzero(alignment.concepts[side]["status"] == "split"))
        for row in rows:
            assert row in alignment.fan(side, row["concept"])
            assert alignment.concepts[side.other]["status"][row["other"]] in ("merge", "split")
        wholes = sorted({row["concept"] for row in rows})
        assert [r["concept"] for r in alignment.fans(side, limit=1, offset=1)][:1] == wholes[1:2]


def test_histograms_count_what_they_are_of(alignment: Alignment) -> None:
    counts = {of: sum(row["counts"]) for of, row in alignment.histograms.items()}
    assert counts["matched"] == alignment.summary["n_matched"]
    assert counts["null"] == counts["null_a"] + counts["null_b"] == counts["best_a"] + counts["best_b"]


def test_what_is_not_there_is_said(alignment: Alignment) -> None:
    for ask in (
        lambda: alignment.concept(Side.A, 999),
        lambda: alignment.pair(999, 0),
        lambda: alignment.heat(999, 0, rank=0, side=Side.A),
        lambda: alignment.thumbnail("nothing"),
    ):
        with pytest.raises(NotFound):
            ask()


def test_many_threads_read_at_once(alignment: Alignment) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: alignment.candidates(Side.A, k % 8), range(64)))
    assert found[:8] == found[8:16]


def test_the_catalog_knows_alignments_and_refers_to_them(settings: Settings, alignment: Alignment) -> None:
    one, other, third = (dictionary_digest(shown) for shown in SHOWN)
    catalog = Catalog(settings.catalog_url)
    with catalog.session() as session:
        row = find_alignment(session, one, other)
        again = find_alignment(session, other, one)
        assert row is not None
        assert row is again
        assert row.digest == alignment.digest
        assert row.headline == alignment.summary
        assert len(list_alignments(session)) == 3
        assert len(list_alignments(session, [third])) == 2
        assert list_references(session)[Kind.ALIGNMENT] == {row.digest for row in list_alignments(session)}
        assert find_alignment(session, one, "0" * 64) is None
    catalog.close()
