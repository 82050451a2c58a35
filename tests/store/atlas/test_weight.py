"""Weighing memory, against the allocator."""

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from store.artifacts import Artifacts
from store.atlas.shelf import make_atlas_shelf
from store.atlas.weight import n_bytes_of
from store.vocabulary import Kind
from tests.factories import Shown, make_store


def test_arrays_count_with_their_data_and_what_occurs_twice_counts_once() -> None:
    numbers = np.zeros(1000)
    assert 8000 <= n_bytes_of(numbers) <= 8000 + 200
    assert n_bytes_of([numbers, numbers]) - n_bytes_of(numbers) < 100
    assert n_bytes_of(numbers[:500]) >= 4000
    words = np.array([f"word number {n}" for n in range(1000)], dtype=object)
    assert n_bytes_of(words) >= 8000 + 1000 * len("word number 1")
    assert n_bytes_of({"a": [words]}) > n_bytes_of(words)


@pytest.mark.slow
def test_an_open_atlas_weighs_what_opening_it_allocates(tmp_path: Path) -> None:
    make_store(tmp_path, n_images=8, shown=(Shown("one", "net", "topk", 400, 3, 3),))
    artifacts = Artifacts(tmp_path)
    (digest,) = (atlas.digest for atlas in artifacts.list(Kind.ATLAS))
    with make_atlas_shelf(artifacts).reading(digest):  # whatever is loaded once only
        pass
    shelf = make_atlas_shelf(artifacts)
    gc.collect()
    tracemalloc.start()
    with shelf.reading(digest) as shelved:
        assert shelved.concepts.n == 400
        first = shelf.n_bytes()
        gc.collect()
        allocated, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert first == pytest.approx(allocated, rel=0.25)
        assert shelved.atlas.meta
        assert shelf.n_bytes() > first
        assert shelf.n_bytes() == shelf.n_bytes()
    shelf.close()
    assert shelf.n_bytes() == 0
