"""Sums, correlations, overlaps, pooling and splits against slow literal twins; planted permutations; the null."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from store.alignment.sides import Side, SideFacts
from store.grid import Grid, Window
from store.specs import AlignmentSpec
from store.vocabulary import Fit
from tests import alignment_tables as twin
from worker.alignment.fans import find_fans
from worker.alignment.finding import Found
from worker.alignment.grids import Pooler, both_see, pooling, shared_grid
from worker.alignment.strongest import overlaps
from worker.alignment.tally import Tally, add_products, permuted_images
from worker.metrics.matching import match

Codes = np.ndarray[tuple[int, int, int], np.dtype[np.float64]]
SEEDS = st.integers(0, 2**16)
GRIDS = st.builds(Grid, st.integers(1, 7), st.integers(1, 7))
WINDOWS = st.builds(
    Window, st.integers(32, 128), st.integers(32, 128), st.sampled_from(Fit), st.floats(0.5, 1.0, exclude_min=True)
)


def tallied(a: Codes, b: Codes, *, held_out: Any = None, codes_at_once: int = 10**9, seed: int = 0) -> Tally:
    """Of codes ``[n s K]`` and ``[n s J]``, some images at a time."""
    n, s, _ = a.shape
    judging = np.zeros(n, dtype=bool) if held_out is None else held_out
    tally = Tally(a.shape[2], b.shape[2], n_patches=s, codes_at_once=codes_at_once, seed=seed)
    for start in range(0, n, 3):
        some = slice(start, start + 3)
        flat = [csr_array(z[some].reshape(-1, z.shape[2]).astype(np.float32)) for z in (a, b)]
        tally.add(*flat, held_out=judging[some])
    tally.finish()
    return tally


def sparse_codes(random: np.random.Generator, n: int, s: int, k: int, *, density: float = 0.3) -> Codes:
    return np.where(random.uniform(size=(n, s, k)) < density, random.gamma(2, 1, (n, s, k)), 0.0)


def plan_of(a: Codes, b: Codes, *, held_out: Any, permuted: Any, level: float = 0.95) -> twin.AlignmentPlan:
    """The twin of the same codes, on one grid of one row."""
    window, images = Window(8, 8, Fit.COVER), len(a)

    def side(z: Codes, name: str) -> twin.Aligned:
        facts = SideFacts(name, name, name, name, z.shape[2], Grid(1, z.shape[1]), window)
        return twin.Aligned(z[:, None], np.zeros((z.shape[2], 2)), facts)

    splits = ["held_out" if one else "train" for one in held_out]
    columns = {"width": [8] * images, "height": [8] * images, "split": splits}
    return twin.AlignmentPlan(side(a, "a"), side(b, "b"), columns, AlignmentSpec(level=level), {}, permuted)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(4, 9), st.integers(1, 5), st.integers(1, 7), st.integers(1, 7))
def test_all_that_is_found_is_the_slow_twins(seed: int, n: int, s: int, k: int, j: int) -> None:
    random = np.random.default_rng(seed)
    # in eighths, of which float32 sums are exact: two tokens that differ little leave nothing to rounding
    a, b = (np.round(8 * sparse_codes(random, n, s, width)) / 8 for width in (k, j))
    held_out = np.arange(n) % 4 == 1
    n_learned = int((~held_out).sum())
    plan = plan_of(a, b, held_out=held_out, permuted=permuted_images(n_learned, seed=seed, part=0))
    found = Found(tallied(a, b, held_out=held_out, seed=seed), 3)
    if not (plan.alive[0].any() and plan.alive[1].any()):
        return
    i, m = (grid.ravel() for grid in np.meshgrid(np.arange(k), np.arange(j), indexing="ij"))
    assert found.correlations.of_pairs(i, m) == pytest.approx(plan.correlation.ravel(), abs=1e-5)
    assert found.judged.of_pairs(i, m) == pytest.approx(plan.held_out_correlation.ravel(), abs=1e-5)
    assert found.jaccard(i, m) == pytest.approx(
        [plan.similarities(*pair)["jaccard"] for pair in zip(i, m, strict=True)]
    )
    for side, null in zip(Side, plan.null, strict=True):
        assert found.null.values[side] == pytest.approx(null, abs=1e-5)
    pairs = {(row["a"], row["b"]): row["correlation"] for row in plan.pairs if row["correlation"] > 1e-5}
    kept = found.pairs.correlation > 1e-5
    assert found.pairs.correlation[kept].sum() == pytest.approx(sum(pairs.values()), abs=1e-4)
    counts = (a > 0).any(axis=1).sum(axis=0), (b > 0).any(axis=1).sum(axis=0)
    assert found.tally.n_images_a.tolist() == counts[0].tolist()
    assert found.tally.n_images_b.tolist() == counts[1].tolist()


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 60))
def test_parts_change_nothing_but_the_null(seed: int, codes_at_once: int) -> None:
    random = np.random.default_rng(seed)
    a, b = sparse_codes(random, 8, 4, 5), sparse_codes(random, 8, 4, 6)
    whole, parts = tallied(a, b), tallied(a, b, codes_at_once=codes_at_once)
    assert parts.learned.products == pytest.approx(whole.learned.products, rel=1e-5)
    assert (parts.both == whole.both).all()
    assert (parts.n_images_a == whole.n_images_a).all()
    assert (parts.learned.a.firing == whole.learned.a.firing).all()


@pytest.mark.parametrize("density", [0.02, 0.9])
def test_products_of_many_concepts_are_those_of_dense_codes(density: float) -> None:
    random = np.random.default_rng(0)
    a, b = (sparse_codes(random, 1, 40, k, density=density)[0] for k in (1100, 700))
    table = np.ones((1100, 700), dtype=np.float32)
    add_products(table, csr_array(a.astype(np.float32)), csr_array(b.astype(np.float32)))
    np.testing.assert_allclose(table, 1 + a.T @ b, rtol=1e-5)
    counts = np.zeros((1100, 700), dtype=np.int32)
    add_products(counts, *(csr_array((z > 0).astype(np.int32)) for z in (a, b)))
    assert (counts == (a > 0).T.astype(int) @ (b > 0).astype(int)).all()


@settings(max_examples=60, deadline=None)
@given(GRIDS, GRIDS, WINDOWS, WINDOWS, st.integers(20, 400), st.integers(20, 400))
def test_pooling_is_the_mean_by_area(
    own: Grid, other: Grid, window: Window, beside: Window, width: int, height: int
) -> None:
    seen, box = window.seen(width, height), both_see(window.seen(width, height), beside.seen(width, height))
    shared = shared_grid(own, other)
    weights = pooling(own, seen, shared=shared, box=box).toarray()
    assert weights.sum(axis=1) == pytest.approx(1, abs=1e-4)
    codes = np.random.default_rng(0).gamma(2, 1, (own.rows, own.cols, 2))
    wanted = twin.pooled_map(codes, seen=seen, shared=shared, box=box).reshape(-1, 2)
    assert weights @ codes.reshape(-1, 2) == pytest.approx(wanted, abs=1e-4)


def test_photos_of_many_sizes_are_pooled_together() -> None:
    grid, shared = Grid(3, 4), Grid(2, 2)
    pooler = Pooler(grid, Window(30, 40, Fit.COVER), Window(40, 40, Fit.CROP, 0.8), shared)
    sizes = [(100, 80), (80, 100), (100, 80), (60, 60)]
    codes = np.random.default_rng(1).gamma(2, 1, (4, 12, 3)).astype(np.float32)
    found = pooler.pool(csr_array(codes.reshape(-1, 3)), sizes).toarray().reshape(4, 4, 3)
    for n, size in enumerate(sizes):
        seen = pooler.window.seen(*size)
        box = both_see(seen, pooler.other.seen(*size))
        wanted = twin.pooled_map(codes[n].reshape(3, 4, 3), seen=seen, shared=shared, box=box)
        assert found[n] == pytest.approx(wanted.reshape(4, 3), abs=1e-5)


def test_codes_that_stand_on_the_shared_grid_already_stay_as_they_are() -> None:
    window = Window(30, 40, Fit.COVER)
    codes = csr_array(np.eye(12, dtype=np.float32))
    assert Pooler(Grid(3, 4), window, window, Grid(3, 4)).pool(codes, [(50, 70)]) is codes


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 8))
def test_overlap_is_the_jaccard_index_of_sets(seed: int, m: int) -> None:
    random = np.random.default_rng(seed)
    sets = [[set(random.choice(12, random.integers(0, 6), replace=False).tolist()) for _ in range(m)] for _ in "ab"]
    tables = [np.array([sorted(one) + [-1] * (6 - len(one)) for one in some]) for some in sets]
    places = np.arange(m)
    wanted = [len(x & y) / len(x | y) if x | y else 0.0 for x, y in zip(*sets, strict=True)]
    assert overlaps(tables[0], tables[1], i=places, j=places) == pytest.approx(wanted)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_splits_are_the_slow_twins(seed: int) -> None:
    random = np.random.default_rng(seed)
    a = sparse_codes(random, 12, 6, 5, density=0.15)
    shares = random.dirichlet([1.0] * 3, size=(12, 6)).argmax(axis=2)
    b = np.stack([np.where(shares == part, a[..., 0], 0) for part in range(3)] + [a[..., 1], a[..., 3] * 2], axis=2)
    held_out = np.arange(12) % 5 == 2
    permuted = permuted_images(int((~held_out).sum()), seed=seed, part=0)
    plan = plan_of(a, b, held_out=held_out, permuted=permuted, level=0.3)
    found = Found(tallied(a, b, held_out=held_out, seed=seed), 3)
    wanted = [(r["side"], r["concept"], r["other"], r["share"], r["inside"], r["covered"]) for r in plan.fans]
    given_ = []
    for side in Side:
        fans = find_fans(found, side, level=0.3)
        columns = (fans.whole, fans.part, fans.share, fans.inside, fans.covered)
        given_ += [(side.value, *row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    assert [row[:3] for row in given_] == [row[:3] for row in wanted]
    for one, other in zip(given_, wanted, strict=True):
        assert one[3:] == pytest.approx(other[3:])


def test_a_concept_in_three_parts_is_split_and_its_parts_merge() -> None:
    random = np.random.default_rng(0)
    a = sparse_codes(random, 200, 9, 40, density=0.05)
    b = a[..., ::-1].copy()
    which = random.integers(0, 3, (200, 9))
    b = np.concatenate([b[..., :-1], *(np.where(which == part, a[..., 0], 0)[..., None] for part in range(3))], axis=2)
    fans = find_fans(Found(tallied(a, b), 5), Side.A, level=0.95)
    assert fans.whole.tolist() == [0, 0, 0]
    assert fans.part.tolist() == [39, 40, 41]
    assert fans.covered == pytest.approx(1)
    assert fans.inside == pytest.approx(1)
    assert len(find_fans(Found(tallied(a, b), 5), Side.B, level=0.95).whole) == 0


def test_a_planted_permutation_is_found_under_noise() -> None:
    random = np.random.default_rng(0)
    order = random.permutation(400)
    a = sparse_codes(random, 300, 16, 400, density=0.02)
    kept = np.where(random.uniform(size=a.shape) < 0.6, a * random.uniform(0.5, 1.5, a.shape), 0)
    noise = sparse_codes(random, 300, 16, 400, density=0.01)
    b = np.zeros_like(a)
    b[..., order] = kept + noise
    found = Found(tallied(a, b), 5)
    right = order[found.pairs.a] == found.pairs.b
    assert right.sum() >= 0.99 * 400
    assert (found.null.lower_percentile(found.pairs.correlation[right]) >= 0.95).mean() > 0.99
    assert found.is_mutual(Side.A).mean() > 0.99


@pytest.mark.parametrize("turned", [False, True])
def test_an_auction_reads_the_same_correlations(turned: bool) -> None:
    """Beyond the limit of the exact method; some concepts of either side are silent, the sides of different size."""
    random = np.random.default_rng(1)
    a, b = sparse_codes(random, 60, 8, 50, density=0.1), sparse_codes(random, 60, 8, 70, density=0.1)
    b[..., 10:40] = np.where(random.uniform(size=(60, 8, 30)) < 0.5, a[..., :30], 0)
    a[..., 35], b[..., 5] = 0, 0
    table = Found(tallied(b, a) if turned else tallied(a, b), 3).correlations
    exact, auctioned = match(table), match(table, exact_limit=10)
    assert auctioned.total == pytest.approx(exact.total, abs=1e-4 * 50)
    assert auctioned.gap <= 1e-4 * 50 + 1e-6
    assert len(auctioned.rows) == 49


def test_percentiles_are_uniform_when_both_sides_are_independent() -> None:
    random = np.random.default_rng(3)
    places = []
    for _ in range(4):
        a = np.repeat(random.uniform(size=(400, 1, 150)) < 0.2, 6, axis=1) * sparse_codes(random, 400, 6, 150)
        b = np.repeat(random.uniform(size=(400, 1, 150)) < 0.2, 6, axis=1) * sparse_codes(random, 400, 6, 150)
        found = Found(tallied(a, b), 5)
        for side in Side:
            places.append(found.null.percentile(found.best[side].correlation, side))
    placed = np.sort(np.concatenate(places))
    distance = np.abs(placed - np.linspace(0, 1, len(placed))).max()  # Kolmogorov and Smirnov's
    assert distance < 0.09
    assert (placed >= 0.95).mean() == pytest.approx(0.05, abs=0.03)


@given(SEEDS, st.integers(2, 50))
def test_no_image_meets_itself_under_the_null(seed: int, n: int) -> None:
    other = permuted_images(n, seed=seed, part=0)
    assert sorted(other.tolist()) == list(range(n))
    assert (other != np.arange(n)).all()
