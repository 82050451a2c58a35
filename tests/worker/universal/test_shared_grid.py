"""Streams meet on one grid: cells average what patches they cover, and grids that cannot meet are refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from store.errors import InvalidInput
from store.grid import Grid, Window, seen_by_all
from store.vocabulary import Fit
from worker.universal.shared_grid import Resampler, overlaps, shared_grid

FINE = 2520  # divisible by every number of rows and columns here


def slow_average(patches: Tensor, *, n_cells: int, start: float, stop: float) -> Tensor:
    """Sample the axis at many points, each with the value of the patch it lies in, and average them cell by cell."""
    points = start + (stop - start) * (torch.arange(FINE, dtype=torch.float64) + 0.5) / FINE
    values = patches[(points * len(patches)).long().clamp_max(len(patches) - 1)]
    return values.view(n_cells, -1).mean(dim=1)


@given(
    n_cells=st.integers(1, 7),
    n_patches=st.integers(1, 9),
    start=st.floats(0, 0.4),
    stop=st.floats(0.6, 1),
)
def test_overlaps_average_what_a_cell_covers(n_cells: int, n_patches: int, start: float, stop: float) -> None:
    weights = overlaps(n_cells, n_patches, start=start, stop=stop)
    patches = torch.arange(n_patches, dtype=torch.float64).square()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(n_cells))
    slow = slow_average(patches, n_cells=n_cells, start=start, stop=stop)
    torch.testing.assert_close(weights.double() @ patches, slow, atol=0.2, rtol=0.01)


def test_equal_grids_and_windows_stay_as_they_are() -> None:
    window = Window(80, 120, fit=Fit.COVER)
    resample = Resampler(window, Grid(2, 3), windows=(window, window), shared=Grid(2, 3))
    patches = torch.randn(4, 6, 5)
    torch.testing.assert_close(resample(patches, [(300, 200), (64, 64), (100, 900), (300, 200)]), patches)


def test_places_of_different_windows_meet() -> None:
    """One model sees the square in the middle of a wide photo, the other all of it: cells are those of the square."""
    wide, square = Window(100, 200, fit=Fit.SQUASH), Window(100, 100, fit=Fit.COVER)
    box = seen_by_all((wide, square), width=200, height=100)
    assert (box.left, box.top, box.right, box.bottom) == (0.25, 0.0, 0.75, 1.0)
    resample = Resampler(wide, Grid(1, 4), windows=(wide, square), shared=Grid(1, 2))
    columns = torch.tensor([0.0, 1.0, 2.0, 3.0]).view(1, 4, 1)
    assert resample(columns, [(200, 100)]).flatten().tolist() == [1.0, 2.0]
    assert resample(columns, [(100, 100)]).flatten().tolist() == [0.5, 2.5]  # a square photo, all of it seen by both


def test_the_fewest_rows_and_columns_or_those_asked_for() -> None:
    grids = {"a:x": Grid(10, 18), "b:y": Grid(12, 9)}
    assert shared_grid(grids) == Grid(10, 9)
    assert shared_grid(grids, rows=4, cols=3) == Grid(4, 3)


def test_grids_that_cannot_be_resampled() -> None:
    with pytest.raises(InvalidInput, match="b:y has a grid of 12x9 .* finer 10x10; ask for at most 10x9"):
        shared_grid({"a:x": Grid(10, 18), "b:y": Grid(12, 9)}, rows=10, cols=10)
    with pytest.raises(InvalidInput, match="b:y has one patch .* earlier layer"):
        shared_grid({"a:x": Grid(10, 18), "b:y": Grid(1, 1)})
