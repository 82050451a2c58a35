import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from store.errors import InvalidInput
from store.grid import Grid, Window
from store.vocabulary import Fit
from tests.worker.images.photos import draw
from worker.images.fit import fit
from worker.images.normalise import normalise

SIZES = st.integers(16, 300)


def ramps(width: int, height: int) -> Image.Image:
    """Red tells x, green tells y: a pixel says where on the photo it comes from."""
    x = np.broadcast_to((np.arange(width) + 0.5) / width * 255, (height, width))
    y = np.broadcast_to(((np.arange(height) + 0.5) / height * 255)[:, None], (height, width))
    return Image.fromarray(np.rint(np.stack([x, y, np.zeros_like(x)], axis=-1)).astype(np.uint8))


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, st.sampled_from([(64, 64), (48, 96), (96, 32)]), st.sampled_from(Fit), st.sampled_from([0.875, 1]))
def test_what_was_cropped_is_what_the_window_says(
    width: int, height: int, size: tuple[int, int], how: Fit, crop_ratio: float
) -> None:
    window = Window(*size, fit=how, crop_ratio=crop_ratio)
    seen = window.seen(width, height)
    picture = fit(ramps(width, height), window, "bilinear").astype(float) / 255
    assert picture.shape == (*size, 3)
    rows, cols = size
    across = seen.left + seen.width * (np.arange(cols) + 0.5) / cols
    down = seen.top + seen.height * (np.arange(rows) + 0.5) / rows
    # Within a pixel of the photo (at its rim the ramp stands still), or a few levels.
    assert np.abs(picture[rows // 2, :, 0] - across).max() < 1 / width + 4 / 255
    assert np.abs(picture[:, cols // 2, 1] - down).max() < 1 / height + 4 / 255


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, st.sampled_from(Fit), st.integers(0, 6), st.integers(0, 6))
def test_a_patch_shows_the_place_that_the_grid_names(width: int, height: int, how: Fit, row: int, col: int) -> None:
    window, grid = Window(70, 70, fit=how, crop_ratio=0.9), Grid(7, 7)
    seen = window.seen(width, height)
    box = grid.patch_box(row, col, seen=seen)
    centre = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    assert grid.patch_at(*centre, seen=seen) == (row, col)
    patch = fit(ramps(width, height), window, "bilinear")[row * 10 : row * 10 + 10, col * 10 : col * 10 + 10] / 255.0
    assert abs(patch[..., 0].mean() - centre[0]) < 1 / width + 4 / 255
    assert abs(patch[..., 1].mean() - centre[1]) < 1 / height + 4 / 255


def eval_transform(px: int, crop_ratio: float, interpolation: str) -> object:
    from worker.models.torchvision_cpu import import_timm

    return import_timm().data.create_transform(
        (3, px, px), is_training=False, crop_pct=crop_ratio, interpolation=interpolation, mean=(0, 0, 0), std=(1, 1, 1)
    )


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("px", "crop_ratio"), [(224, 0.875), (96, 1.0), (112, 0.875)])
@pytest.mark.parametrize("size", [(256, 256), (512, 384), (384, 640), (128, 192)])
def test_crop_is_the_transform_that_timm_judges_models_with(
    px: int, crop_ratio: float, interpolation: str, size: tuple[int, int]
) -> None:
    image = draw(8, width=size[0], height=size[1])
    theirs = eval_transform(px, crop_ratio, interpolation)(image)  # type: ignore[operator]
    ours = fit(image, Window(px, px, fit=Fit.CROP, crop_ratio=crop_ratio), interpolation)
    off = np.abs(ours.astype(float) - theirs.permute(1, 2, 0).numpy() * 255)
    # They round the resized photo and the crop's corner to whole pixels: half a pixel off where sizes do not divide.
    resized = [side * math.floor(px / crop_ratio) / min(size) for side in size]
    if all(side % 2 == 0 for side in resized) and px / crop_ratio == math.floor(px / crop_ratio):
        assert off.max() <= 2
    assert off.mean() <= 2


def test_normalising_is_that_of_a_slow_twin() -> None:
    images = torch.randint(0, 256, (2, 3, 4, 3), dtype=torch.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    done = normalise(images, mean=mean, std=std)
    assert done.shape == (2, 3, 3, 4)
    for b in range(2):
        for c in range(3):
            for y in range(3):
                for x in range(4):
                    expected = (int(images[b, y, x, c]) / 255 - mean[c]) / std[c]
                    assert float(done[b, c, y, x]) == pytest.approx(expected, abs=1e-6)


def test_an_unknown_interpolation_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="bicubic, bilinear"):
        fit(draw(1), Window(32, 32), "sinc")
