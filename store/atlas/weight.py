"""How much memory values take, with all that they refer to."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def n_bytes_of(value: object) -> int:
    """Bytes of a value and of what it holds: arrays, mappings, sequences, objects; what occurs twice counts once."""
    seen: set[int] = set()
    found, left = 0, [value]
    while left:
        one = left.pop()
        if id(one) not in seen:
            seen.add(id(one))
            found += sys.getsizeof(one)
            if isinstance(one, np.ndarray) and one.base is not None:
                found += one.nbytes  # of a view ``getsizeof`` tells the header only
            left += _held(one)
    return found


def _held(value: Any) -> Iterable[object]:
    """What a value refers to directly."""
    if isinstance(value, str | bytes | int | float | type(None)):
        return ()
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else ()
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, tuple | list | set | frozenset):
        return value
    return [vars(value)] if hasattr(value, "__dict__") else ()
