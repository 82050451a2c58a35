"""Nearest images against a loop over all of them."""

import math
from pathlib import Path

import pytest

from store.artifacts import Artifacts
from store.atlas.nearest import _IMAGES_AT_ONCE
from store.atlas.reader import Atlas
from store.errors import NotFound
from store.vocabulary import Kind
from tests.factories import SHOWN, make_store


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    root = Path(tmp_path_factory.mktemp("nearest"))
    make_store(root, n_images=24, shown=SHOWN[:1])
    return Atlas(Artifacts(root).list(Kind.ATLAS)[0])


def literal(atlas: Atlas, pooled: dict[int, float]) -> list[tuple[str, float]]:
    n_kept = max(len(atlas.image_concepts(image["id"])) for image in atlas.images())
    alive = [k for k, value in pooled.items() if value > 0]
    kept = sorted(alive, key=lambda k: (-pooled[k] / float(atlas.columns["max"][k]), k))[:n_kept]
    photo = {k: math.sqrt(pooled[k]) for k in kept}
    found = []
    for image in atlas.images():
        other = {row["concept"]: math.sqrt(row["pooled"]) for row in atlas.image_concepts(image["id"])}
        dot = sum(value * other.get(k, 0) for k, value in photo.items())
        lengths = [math.sqrt(sum(value**2 for value in codes.values())) for codes in (photo, other)]
        if dot > 0:
            found.append((image["image"], image["id"], dot / (lengths[0] * lengths[1])))
    return [(name, likeness) for _, name, likeness in sorted(found, key=lambda row: (-round(row[2], 12), row[0]))]


def some_pooled(atlas: Atlas, step: int) -> dict[int, float]:
    alive = [k for k in range(atlas.n_concepts) if atlas.columns["max"][k] > 0]
    return {k: 0.1 * (1 + i % 5) * float(atlas.columns["max"][k]) for i, k in enumerate(alive[::step])}


@pytest.mark.parametrize("step", [1, 2, 5])
def test_likeness_equals_the_loop(atlas: Atlas, step: int) -> None:
    found = atlas.nearest_images(some_pooled(atlas, step), limit=100)
    slow = literal(atlas, some_pooled(atlas, step))
    assert sorted(row["likeness"] for row in found) == pytest.approx(sorted(likeness for _, likeness in slow))
    assert {row["id"]: row["likeness"] for row in found} == pytest.approx(dict(slow))
    likeness = [row["likeness"] for row in found]
    assert likeness == sorted(likeness, reverse=True)
    assert atlas.nearest_images(some_pooled(atlas, step), limit=3) == found[:3]


def test_chunks_of_images_make_no_difference(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = atlas.nearest_images(some_pooled(atlas, 2), limit=7)
    assert len(atlas.images()) < _IMAGES_AT_ONCE
    monkeypatch.setattr("store.atlas.nearest._IMAGES_AT_ONCE", 5)
    assert atlas.nearest_images(some_pooled(atlas, 2), limit=7) == whole


def test_an_image_of_the_collection_is_nearest_to_itself(atlas: Atlas) -> None:
    for image in atlas.images()[:5]:
        rows = atlas.image_concepts(image["id"])
        (first, *_) = atlas.nearest_images({row["concept"]: row["pooled"] for row in rows})
        assert first["likeness"] == pytest.approx(1)


def test_a_photo_without_concepts_is_like_nothing(atlas: Atlas) -> None:
    assert atlas.nearest_images({}) == []
    assert atlas.nearest_images({0: 0.0}) == []
    dead = [k for k in range(atlas.n_concepts) if atlas.columns["max"][k] == 0]
    assert atlas.nearest_images(dict.fromkeys(dead, 1.0)) == []
    with pytest.raises(NotFound, match="concept"):
        atlas.nearest_images({atlas.n_concepts: 1.0})
