import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.worker.images.photos import draw
from worker.images.duplicates import NEAR_BITS, NEAR_LEVELS, colour_layout, dhash, find_near_duplicates


def slow_dhash(image: Image.Image) -> int:
    grey = image.convert("L").resize((9, 8), Image.Resampling.BOX)
    bits = 0
    for row in range(8):
        for col in range(8):
            if grey.getpixel((col, row)) < grey.getpixel((col + 1, row)):
                bits |= 1 << (8 * row + col)
    return bits


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_dhash_is_that_of_its_slow_twin(seed: int) -> None:
    assert dhash(draw(seed)) == slow_dhash(draw(seed))


def test_dhash_survives_resizing_and_tells_pictures_apart() -> None:
    image = draw(3, width=120, height=90)
    smaller = image.resize((80, 60), Image.Resampling.LANCZOS)
    assert (dhash(image) ^ dhash(smaller)).bit_count() <= NEAR_BITS
    assert (dhash(image) ^ dhash(draw(4))).bit_count() > 10


def slow_near(hashes: list[int], layouts: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    n = len(hashes)
    group, repeats, distance = list(range(n)), [-1] * n, [0] * n
    for later in range(n):
        for earlier in range(later):
            bits = (hashes[earlier] ^ hashes[later]).bit_count()
            levels = sum(abs(int(a) - int(b)) for a, b in zip(layouts[earlier], layouts[later], strict=True)) / 48
            if bits > NEAR_BITS or levels > NEAR_LEVELS:
                continue
            if repeats[later] < 0 or bits < distance[later]:
                repeats[later], distance[later] = earlier, bits
            low, high = sorted((group[earlier], group[later]))
            group = [low if g == high else g for g in group]
    return group, repeats, distance


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0, 0xFFFF, 0x0123_4567_89AB_CDEF, 2**64 - 1]), max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 63), max_size=5), st.integers(0, 2)), max_size=30),
)
def test_near_duplicates_are_those_of_a_slow_twin(bases: list[int], changes: list[tuple[int, set[int], int]]) -> None:
    bases = bases or [5]
    hashes = list(bases)
    for base, flips, _ in changes:
        hashes.append(bases[base % len(bases)] ^ sum(1 << bit for bit in flips))
    levels = [0] * len(bases) + [10 * shade for _, _, shade in changes]
    layouts = np.repeat(np.array(levels, dtype=np.uint8)[:, None], 48, axis=1)
    found = find_near_duplicates(np.array(hashes, dtype=np.uint64), layouts)
    group, repeats, distance = slow_near(hashes, layouts)
    assert found.group.tolist() == group
    assert found.repeats.tolist() == repeats
    assert found.distance.tolist() == distance


def test_flat_pictures_of_different_colours_are_not_alike() -> None:
    flat = [Image.new("RGB", (40, 30), colour) for colour in ("white", "red", "navy")]
    hashes = np.array([dhash(image) for image in flat], dtype=np.uint64)
    layouts = np.stack([colour_layout(image) for image in flat])
    assert hashes.tolist() == [0, 0, 0]
    assert find_near_duplicates(hashes, layouts).repeats.tolist() == [-1, -1, -1]


def test_many_alike_need_little_memory() -> None:
    n = 3000  # 4.5 million pairs
    found = find_near_duplicates(np.zeros(n, dtype=np.uint64), np.zeros((n, 48), dtype=np.uint8))
    assert set(found.group.tolist()) == {0}
    assert found.repeats[1:].tolist() == [0] * (n - 1)


def test_no_pictures() -> None:
    assert not len(find_near_duplicates(np.zeros(0, dtype=np.uint64), np.zeros((0, 48), dtype=np.uint8)).group)
