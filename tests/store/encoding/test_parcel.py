"""Messages with arrays: what goes in comes out, and nothing else is believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from store.encoding.parcel import Parcel, blob, unpack
from store.errors import Damaged

DTYPES = st.sampled_from([np.uint8, np.uint16, np.int32, np.int64, np.float32])
ARRAYS = DTYPES.flatmap(
    lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
MESSAGES = st.dictionaries(st.text(max_size=8), st.none() | st.integers(-9, 9) | st.text(max_size=8), max_size=4)


@given(MESSAGES, st.dictionaries(st.text(max_size=6), ARRAYS, max_size=3))
def test_what_goes_in_comes_out(message: dict[str, object], arrays: dict[str, np.ndarray]) -> None:
    found = unpack(Parcel(message, arrays).pack())
    assert found.message == message
    assert list(found.arrays) == list(arrays)
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)
        assert not found.arrays[name].flags.writeable


@given(st.binary(max_size=200))
def test_any_bytes_are_a_parcel_or_damaged(content: bytes) -> None:
    for start in (b"", b"CSP1"):
        try:
            unpack(start + content)
        except Damaged:
            continue


@given(st.integers(0, 400))
def test_a_parcel_that_is_cut_off_is_damaged(n: int) -> None:
    whole = Parcel({"a": 1}, {"x": np.arange(40, dtype=np.float32), "y": blob(b"bytes")}).pack()
    if n < len(whole):
        with pytest.raises(Damaged):
            unpack(whole[:n])
    with pytest.raises(Damaged):
        unpack(whole + b"\0")


@pytest.mark.parametrize("shape", [[-1], [2**62, 8], ["3"], [1.0], [1000]])
def test_a_shape_that_lies_is_damaged(shape: list[object]) -> None:
    import json

    header = json.dumps({"message": {}, "arrays": [["x", "<f4", shape]]}).encode()
    with pytest.raises(Damaged):
        unpack(b"CSP1" + len(header).to_bytes(4, "little") + header + bytes(8))
