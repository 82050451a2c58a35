"""The small PNG writer against Pillow's reader."""

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from app.pictures import grey_png

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(values=SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_pillow_reads_what_was_written(values: np.ndarray) -> None:
    picture = Image.open(io.BytesIO(grey_png(values)))
    picture.load()
    assert picture.format == "PNG"
    assert picture.mode == "L"
    assert np.array_equal(np.asarray(picture), values)
