"""Collages show what they say, and the two kinds of objects are split as they say."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from store.collection import Collection
from store.errors import InvalidInput
from tests.worker.bench.small import drawn_collection
from tests.worker.jobs.small_model import SmallModel
from worker.bench.collages import classes_as_things, collage, make_collages, photos_as_things
from worker.progress import silent


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Collection, Path]:
    return drawn_collection(tmp_path_factory.mktemp("drawn"))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_collage_holds_each_photo_in_its_quarter() -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (90, 90, 90)]
    pixels = collage([Image.new("RGB", (40, 30), c) for c in colours], 20, interpolation="bilinear", rng=rng())
    assert pixels.shape == (20, 20, 3)
    for quarter, colour in zip(
        (pixels[:10, :10], pixels[:10, 10:], pixels[10:, :10], pixels[10:, 10:]), colours, strict=True
    ):
        assert (quarter == colour).all()


def test_quarters_are_cropped_and_flipped_by_chance() -> None:
    ramp = Image.fromarray(np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (50, 1, 3)))
    chance = rng()
    made = [collage([ramp] * 4, 32, interpolation="bilinear", rng=chance)[:16, :16, 0].astype(int) for _ in range(20)]
    spans = [abs(int(one[0, -1] - one[0, 0])) for one in made]
    assert len(set(spans)) > 5
    assert min(spans) > 0.5 * 200 * 0.6**0.5
    assert {bool(one[0, -1] > one[0, 0]) for one in made} == {True, False}


def test_objects_that_are_photos_are_the_same_in_both_halves_and_take_turns_by_class(
    drawn: tuple[Collection, Path],
) -> None:
    things = photos_as_things(drawn[0], 7, rng=rng())
    assert len(set(things.names)) == 7
    assert things.train == things.test
    classes = [of_one[0].class_name for of_one in things.train]
    assert all(set(classes[start : start + 3]) == {"a", "b", "c"} for start in (0, 3))


def test_objects_that_are_classes_never_share_a_photo_between_halves(drawn: tuple[Collection, Path]) -> None:
    things = classes_as_things(drawn[0], 3, rng=rng())
    assert sorted(things.names) == ["a", "b", "c"]
    for name, train, test in zip(things.names, things.train, things.test, strict=True):
        assert {row.class_name for row in (*train, *test)} == {name}
        assert not {row.source for row in train} & {row.source for row in test}
        assert len(train) == len(test) == 4


def test_too_many_objects_are_refused(drawn: tuple[Collection, Path]) -> None:
    with pytest.raises(InvalidInput, match="lower n_objects"):
        photos_as_things(drawn[0], 25, rng=rng())
    with pytest.raises(InvalidInput, match="lower n_objects"):
        classes_as_things(drawn[0], 4, rng=rng())


def test_activations_are_those_of_collages_with_four_objects_each(drawn: tuple[Collection, Path]) -> None:
    things = photos_as_things(drawn[0], 6, rng=rng())

    def make(seed: int) -> tuple[np.ndarray, np.ndarray]:
        made = make_collages(
            things.train,
            20,
            folder=drawn[1],
            model=SmallModel(),
            layer="conv",
            size_px=32,
            rng=np.random.default_rng(seed),
            on_progress=silent,
        )
        return made.tokens.numpy(), made.shown

    tokens, shown = make(0)
    assert tokens.shape == (20, 16, SmallModel.width)
    assert (shown.sum(axis=1) == 4).all()
    assert shown.any(axis=0).all()
    again, other = make(0), make(1)
    assert np.array_equal(tokens, again[0])
    assert np.array_equal(shown, again[1])
    assert not np.array_equal(tokens, other[0])
