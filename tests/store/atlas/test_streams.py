"""Atlases with streams, read."""

from pathlib import Path

import pytest

from store.artifacts import Artifacts
from store.atlas.grammar import parse_query
from store.atlas.query import ConceptTable
from store.atlas.reader import Atlas
from store.atlas.schema import STREAM_COLUMNS
from store.errors import NotFound
from store.grid import seen_by_all
from store.vocabulary import Band, Kind
from tests.factories import SHOWN, UNIVERSAL, make_store
from tests.stream_tables import WINDOWS


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    root = tmp_path_factory.mktemp("universal")
    make_store(root, n_images=16, shown=(UNIVERSAL,))
    return Atlas(Artifacts(root).list(Kind.ATLAS)[0])


def test_what_all_streams_see_is_the_seen_part(atlas: Atlas) -> None:
    assert atlas.is_universal
    assert [stream.stream for stream in atlas.streams] == [0, 1, 2, 3]
    assert [stream.name for stream in atlas.model_streams] == list(UNIVERSAL.streams)
    for width, height in ((307, 173), (200, 300)):
        seen = atlas.seen(width=width, height=height)
        assert seen == seen_by_all(WINDOWS, width=width, height=height)
        assert all(seen.width <= window.seen(width, height).width for window in WINDOWS)


def test_streams_show_the_same_images(atlas: Atlas) -> None:
    found = atlas.examples_by_stream(6, (Band.TOP, Band.RANDOM), limit=5)
    for by_stream in found.values():
        images = [row["id"] for row in by_stream[0]]
        assert 0 < len(images) <= 5
        assert all([row["id"] for row in rows] == images for rows in by_stream.values())
    alone = atlas.examples_by_stream(4, (Band.TOP,))[Band.TOP]
    silent = [stream for stream in (1, 2, 3) if not any(row["value"] for row in alone[stream])]
    assert len(silent) == 2
    assert all((row["row"], row["value"], any(row["heat"])) == (None, 0.0, False) for row in alone[silent[0]])


def test_a_concept_is_told_by_stream_and_by_pair(atlas: Atlas) -> None:
    assert [row["stream"] for row in atlas.stream_concepts(6)] == [1, 2, 3]
    assert sum(row["firing_share"] for row in atlas.stream_concepts(6)) == pytest.approx(1.0)
    assert [(row["source"], row["target"]) for row in atlas.cofire(6)] == [
        (1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2),
    ]  # fmt: skip
    assert len(atlas.cross_r2()) == 9
    assert all((row["independent"] is None) == (row["source"] != row["target"]) for row in atlas.cross_r2())
    with pytest.raises(NotFound, match="0 to 35"):
        atlas.stream_concepts(36)


def test_histograms_and_positions_are_told_by_stream(atlas: Atlas) -> None:
    of_mean, own = (atlas.histograms_of(6, stream=stream)["patch"] for stream in (0, 2))
    assert of_mean is not None
    assert own is not None
    assert of_mean["counts"] != own["counts"]
    assert atlas.position(6, stream=3)[0].shape == (5, 6)


def test_concepts_can_be_asked_by_how_universal_they_are(atlas: Atlas) -> None:
    table = ConceptTable(atlas.columns)
    shared = table.select(parse_query([("firing_entropy__gte", "0.8"), ("sort", "-firing_entropy")]))
    assert len(shared)
    assert all(k % 3 != 1 for k in shared)
    own = table.select(parse_query([("firing_entropy__lt", "0.1"), ("main_stream", "widenet:stage4")]))
    assert len(own)
    assert all(k % 3 == 1 and k // 3 % 3 == 1 for k in own)
    assert set(table.facet("main_stream", parse_query([]))) == set(UNIVERSAL.streams)
    histogram = table.histogram("firing_entropy")
    assert not histogram.log
    assert 0 <= histogram.edges[0] < histogram.edges[-1] <= 1


def test_an_atlas_of_one_model_has_no_such_values(tmp_path: Path) -> None:
    make_store(tmp_path, n_images=8, shown=SHOWN[:1])
    atlas = Atlas(Artifacts(tmp_path).list(Kind.ATLAS)[0])
    assert not atlas.is_universal
    assert atlas.model_streams == atlas.streams
    assert all(atlas.concept(6)[name] is None for name in STREAM_COLUMNS)
    assert (atlas.stream_concepts(6), atlas.cofire(6), atlas.cross_r2()) == ([], [], [])
    table = ConceptTable(atlas.columns)
    assert not len(table.select(parse_query([("firing_entropy__gte", "0")])))
    assert table.facet("main_stream", parse_query([])) == {}


def test_images_are_near_by_the_codes_of_one_stream(atlas: Atlas) -> None:
    for stream in atlas.streams:
        image = atlas.images()[3]
        rows = atlas.image_concepts(image["id"], stream=stream.stream)
        found = atlas.nearest_images({row["concept"]: row["pooled"] for row in rows}, stream=stream.stream)
        assert found[0]["likeness"] == pytest.approx(1)
        assert image["id"] in [row["id"] for row in found if row["likeness"] > 1 - 1e-9]
