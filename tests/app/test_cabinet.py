"""What is kept up to an amount of memory."""

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from app.cabinet import Cabinet

MOST = 10


@given(st.lists(st.tuples(st.sampled_from(["keep", "find"]), st.integers(0, 4), st.integers(1, 12)), max_size=40))
def test_it_does_what_its_literal_twin_does(steps: list[tuple[str, int, int]]) -> None:
    cabinet, twin = Cabinet[int, str](MOST), OrderedDict[int, int]()
    for what, key, weight in steps:
        if what == "find":
            assert (cabinet.find(key) is not None) == (key in twin)
            if key in twin:
                twin.move_to_end(key)
        else:
            cabinet.keep(key, "value", n_bytes=weight)
            if weight <= MOST:
                twin.pop(key, None)
                twin[key] = weight
                while sum(twin.values()) > MOST:
                    twin.popitem(last=False)
        assert cabinet.n_bytes == sum(twin.values()) <= MOST
        assert [k for k in range(5) if k in cabinet] == sorted(twin)
