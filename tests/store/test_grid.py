"""Grid to pixel and back; what of a photo a window shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.grid import Box, Grid, Window
from store.vocabulary import Fit

SIZES = st.integers(8, 4000)
WINDOWS = st.builds(
    Window,
    height_px=st.integers(16, 1024),
    width_px=st.integers(16, 1024),
    fit=st.sampled_from(list(Fit)),
    crop_ratio=st.floats(0.5, 1.0),
)


@given(window=WINDOWS, width=SIZES, height=SIZES)
def test_the_seen_part_lies_in_the_photo_and_is_centred(window: Window, width: int, height: int) -> None:
    seen = window.seen(width, height)
    assert -1e-9 <= seen.left < seen.right <= 1 + 1e-9
    assert -1e-9 <= seen.top < seen.bottom <= 1 + 1e-9
    assert seen.left + seen.right == pytest.approx(1)
    assert seen.top + seen.bottom == pytest.approx(1)


@given(window=WINDOWS, width=SIZES, height=SIZES)
def test_the_seen_part_has_the_proportions_of_the_window(window: Window, width: int, height: int) -> None:
    seen = window.seen(width, height)
    if window.fit is Fit.SQUASH:
        assert seen == Box(0, 0, 1, 1)
    else:
        assert seen.width * width / (seen.height * height) == pytest.approx(window.width_px / window.height_px)


@given(width=SIZES, height=SIZES)
def test_cover_shows_all_of_one_side(width: int, height: int) -> None:
    seen = Window(320, 576, Fit.COVER).seen(width, height)
    assert max(seen.width, seen.height) == pytest.approx(1)


def test_crop_keeps_the_models_own_margin() -> None:
    seen = Window(224, 224, Fit.CROP, crop_ratio=0.875).seen(400, 300)
    assert seen.height == pytest.approx(0.875)
    assert seen.width == pytest.approx(0.875 * 300 / 400)


@given(
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
    window=WINDOWS,
    size=st.tuples(SIZES, SIZES),
    at=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
)
def test_the_middle_of_a_patch_belongs_to_that_patch(
    rows: int, cols: int, window: Window, size: tuple[int, int], at: tuple[float, float]
) -> None:
    grid, seen = Grid(rows, cols), window.seen(*size)
    row, col = int(at[0] * rows), int(at[1] * cols)
    box = grid.patch_box(row, col, seen=seen)
    assert grid.patch_at((box.left + box.right) / 2, (box.top + box.bottom) / 2, seen=seen) == (row, col)


@given(window=WINDOWS, size=st.tuples(SIZES, SIZES))
def test_points_outside_the_seen_part_have_no_patch(window: Window, size: tuple[int, int]) -> None:
    seen = window.seen(*size)
    assert Grid(3, 3).patch_at(seen.left - 0.01, 0.5, seen=seen) is None
    assert Grid(3, 3).patch_at(0.5, seen.bottom + 0.01, seen=seen) is None


def test_patches_tile_the_seen_part() -> None:
    grid, seen = Grid(2, 3), Box(0.1, 0.2, 0.7, 0.8)
    boxes = [grid.patch_box(r, c, seen=seen) for r in range(2) for c in range(3)]
    assert sum(b.width * b.height for b in boxes) == pytest.approx(seen.width * seen.height)
    assert (boxes[0].left, boxes[0].top) == (0.1, 0.2)
    assert boxes[-1].right == pytest.approx(0.7)
