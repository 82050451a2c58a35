"""The atlas of a universal dictionary against slow literal twins."""

import math
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float

from store.atlas.schema import STREAM_COLUMNS
from store.errors import InvalidInput
from store.vocabulary import Band, Split
from tests.worker.universal.studio import (
    ATLAS,
    COLS,
    N_IMAGES,
    ROWS,
    SPEC,
    STREAMS_OF,
    K,
    Studio,
    make_studio,
    studio_of,
)
from worker.jobs.index_universal import UniversalIndexInputs, index_universal

M = len(STREAMS_OF)
PAIRS = list(permutations(range(1, M + 1), 2))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return make_studio(tmp_path_factory.mktemp("universal"))


def peaks(studio: Studio) -> Float[np.ndarray, "m n K"]:
    return np.asarray(studio.codes.max(axis=2))


def near(found: float | None, expected: float) -> bool:
    """Equal, NaN being NULL."""
    return found is None if math.isnan(expected) else found == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_streams_are_told_with_all_of_them_together_first(studio: Studio) -> None:
    mean, *models = studio.atlas.streams
    assert studio.atlas.is_universal
    assert (mean.model, mean.layer, mean.width) == ("vit + cnn + net", "conv + conv + conv", 18)
    assert [stream.name for stream in models] == ["vit:conv", "cnn:conv", "net:conv"] == studio.atlas.meta["streams"]
    assert studio.atlas.model_streams == tuple(models)
    assert {(stream.grid.rows, stream.grid.cols) for stream in studio.atlas.streams} == {(ROWS, COLS)}
    assert mean.window is None
    assert [stream.window for stream in models] == [store.window for store in studio.paired.stores]
    assert studio.atlas.meta["title"] == "Three"
    assert set(studio.atlas.artifact.manifest.inputs) >= {"dictionary", "activations-0", "activations-2", "collection"}


def test_top_examples_are_the_largest_mean_codes_and_streams_show_the_same_images(studio: Studio) -> None:
    n_silent = 0
    for k in range(K):
        of_mean = peaks(studio)[0, :, k]
        order = sorted(np.flatnonzero(of_mean > 0), key=lambda i: (-of_mean[i], i))[: ATLAS.n_examples]
        bands = studio.atlas.examples_by_stream(k, tuple(Band))
        if k:
            chosen = [of_mean[row["image"]] for row in bands[Band.TOP][0]]
            assert chosen == pytest.approx(of_mean[order], rel=1e-4)
        for rows in bands.values():
            places = [(row["rank"], row["image"]) for row in rows[0]]
            assert all([(row["rank"], row["image"]) for row in rows[s]] == places for s in range(1, M + 1))
        for row in (row for rows in bands.values() for s in range(M + 1) for row in rows[s]):
            codes = studio.codes[row["stream"], row["image"], :, k]
            peak = float(codes.max())
            assert row["value"] == row["heat_scale"] == pytest.approx(peak, rel=1e-4)
            at = None if peak == 0 else divmod(int(codes.argmax()), COLS)
            assert (row["row"], row["col"]) == (at or (None, None))
            heat = np.frombuffer(row["heat"], dtype=np.uint8)
            assert np.abs(heat - codes / (peak or 1) * 255).max() <= 0.51
            assert (row["percentile"] is None) == (row["stream"] > 0)
            n_silent += peak == 0
    assert n_silent > 50
    assert studio.atlas.examples(5, Band.TOP, stream=2) == studio.atlas.examples_by_stream(5, [Band.TOP])[Band.TOP][2]


def test_images_and_patches_tell_the_strongest_concepts_of_each_stream(studio: Studio) -> None:
    largest = np.maximum(studio.codes.max(axis=(1, 2)), 1e-12)
    for image in studio.atlas.images():
        for stream in range(M + 1):
            codes = studio.codes[stream, image["image"]]
            pooled = codes.mean(axis=0)
            relative = pooled / largest[stream]
            found = studio.atlas.image_concepts(image["id"], stream=stream)
            expected = sorted((relative[k] for k in range(K) if pooled[k] > 0), reverse=True)[: ATLAS.image_top]
            assert [relative[row["concept"]] for row in found] == pytest.approx(expected, rel=1e-4)
            assert [row["rank"] for row in found] == list(range(len(found)))
            for row in found:
                assert row["pooled"] == pytest.approx(pooled[row["concept"]], rel=1e-4)
                assert row["row"] * COLS + row["col"] == codes[:, row["concept"]].argmax()
            concepts, values = studio.atlas.patch_codes(image["id"], stream=stream)
            n_top = concepts.shape[2]
            assert n_top == (ATLAS.patch_top if stream == 0 else SPEC.n_active)
            for patch, (kept, numbers) in enumerate(
                zip(concepts.reshape(-1, n_top), values.reshape(-1, n_top), strict=True)
            ):
                assert numbers.tolist() == pytest.approx(sorted(codes[patch], reverse=True)[:n_top], rel=2e-3)
                assert all(
                    v == pytest.approx(codes[patch, k], rel=2e-3) for k, v in zip(kept, numbers, strict=True) if v
                )


def test_positions_and_histograms_are_those_of_each_stream(studio: Studio) -> None:
    for k in range(K):
        for stream in range(M + 1):
            codes = studio.codes[stream, :, :, k]
            heat, scale = studio.atlas.position(k, stream=stream)
            mean = codes.mean(axis=0)
            assert scale == pytest.approx(mean.max(), rel=1e-4)
            assert np.abs(heat.ravel() - mean / (mean.max() or 1) * 255).max() <= 0.51
            for of, values in (("patch", codes.ravel()), ("image_max", codes.max(axis=1))):
                found = studio.atlas.histograms_of(k, stream=stream).get(of)
                if found is None:
                    assert not values.any()
                    continue
                assert sum(found["counts"]) + found["n_zero"] == len(values)
                assert found["n_zero"] == (values == 0).sum()
                assert found["edges"][0] <= values[values > 0].min()
                assert found["edges"][-1] >= values.max()


def test_concepts_of_streams_are_those_of_slow_twins(studio: Studio) -> None:
    n = N_IMAGES * ROWS * COLS
    x = studio.tokens.flatten(0, 1).double()
    for k in range(K):
        rows = studio.atlas.stream_concepts(k)
        assert [row["stream"] for row in rows] == [1, 2, 3]
        fires = [set(np.flatnonzero(studio.codes[s + 1, :, :, k].ravel() > studio.above[s])) for s in range(M)]
        for s, row in enumerate(rows):
            codes, part = studio.codes[s + 1, :, :, k], studio.universal.parts[s]
            positive = codes[codes > 0]
            assert near(row["density"], len(positive) / n)
            assert near(row["image_coverage"], (codes.max(axis=1) > 0).mean())
            assert row["n_images"] == (codes.max(axis=1) > 0).sum()
            assert near(row["max"], codes.max())
            assert near(row["mean"], codes.mean())
            assert near(row["mean_active"], positive.mean() if len(positive) else 0.0)
            atom = (studio.universal.decoders[s] * studio.universal.scale[part]).detach().double()[k]
            added = torch.from_numpy(codes.ravel()).double()[:, None] * atom
            variance = (x[:, part] - studio.universal.mean[part]).square().sum() / n
            assert near(row["energy"], float(added.mean(dim=0).square().sum() / variance))
            assert near(row["gain"], float(atom.norm()))
            assert near(row["length"], float(studio.universal.decoders[s][k].detach().norm()))
            assert row["n_firing"] == len(fires[s])
            total = sum(map(len, fires))
            assert near(row["firing_share"], len(fires[s]) / total if total else math.nan)
            everywhere = fires[0] & fires[1] & fires[2]
            assert near(row["co_fire"], len(everywhere) / len(fires[s]) if fires[s] else math.nan)
            others = [len(fires[o]) / n for o in range(M) if o != s]
            assert near(row["co_fire_chance"], others[0] * others[1])
    assert sum(row["length"] ** 2 for row in studio.atlas.stream_concepts(5)) == pytest.approx(1.0, rel=1e-4)


def correlation(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"]) -> float:
    return float(np.corrcoef(one, other)[0, 1]) if one.any() and other.any() else math.nan


def test_meetings_of_streams_are_those_of_slow_twins(studio: Studio) -> None:
    n = N_IMAGES * ROWS * COLS
    for k in range(K):
        rows = studio.atlas.cofire(k)
        assert [(row["source"], row["target"]) for row in rows] == PAIRS
        for row, (i, j) in zip(rows, PAIRS, strict=True):
            one, other = studio.codes[i, :, :, k].ravel(), studio.codes[j, :, :, k].ravel()
            first = {t for t, code in enumerate(one) if code > studio.above[i - 1]}
            second = {t for t, code in enumerate(other) if code > studio.above[j - 1]}
            assert (row["n_source"], row["n_both"]) == (len(first), len(first & second))
            assert near(row["co_fire"], len(first & second) / len(first) if first else math.nan)
            assert near(row["co_fire_chance"], len(second) / n)
            either = first | second
            assert near(row["jaccard"], len(first & second) / len(either) if either else math.nan)
            assert near(row["correlation"], correlation(one, other))
            pooled = studio.codes[:, :, :, k].mean(axis=2)
            assert near(row["image_correlation"], correlation(pooled[i], pooled[j]))
            unseen = pooled[:, studio.collection.split_images(Split.HELD_OUT)]
            assert near(row["image_correlation_held_out"], correlation(unseen[i], unseen[j]))


def test_chance_is_what_shuffled_patches_give(studio: Studio) -> None:
    rng = np.random.default_rng(0)
    fires = studio.codes[1, :, :, 5].ravel() > studio.above[0], studio.codes[2, :, :, 5].ravel() > studio.above[1]
    shuffled = [(fires[0] & rng.permutation(fires[1])).sum() / fires[0].sum() for _ in range(2000)]
    found = next(row for row in studio.atlas.cofire(5) if (row["source"], row["target"]) == (1, 2))
    assert found["co_fire_chance"] == pytest.approx(np.mean(shuffled), rel=0.03)
    assert found["co_fire"] > 1.5 * found["co_fire_chance"]


def test_concepts_tell_whose_they_are(studio: Studio) -> None:
    names = [stream.name for stream in studio.atlas.model_streams]
    for k in range(K):
        row = studio.atlas.concept(k)
        fires = [set(np.flatnonzero(studio.codes[s, :, :, k].ravel() > studio.above[s - 1])) for s in (1, 2, 3)]
        total, either = sum(map(len, fires)), fires[0] | fires[1] | fires[2]
        if not total:
            assert all(row[name] is None for name in STREAM_COLUMNS if "correlation" not in name)
            continue
        shares = [len(one) / total for one in fires]
        assert near(row["firing_entropy"], -sum(p * math.log(p) for p in shares if p) / math.log(3))
        assert near(row["firing_jaccard"], len(fires[0] & fires[1] & fires[2]) / len(either))
        assert row["main_stream"] == names[int(np.argmax(shares))]
        pooled = studio.codes[:, :, :, k].mean(axis=2)
        pairs = [correlation(pooled[i], pooled[j]) for i, j in combinations((1, 2, 3), 2)]
        assert near(row["stream_correlation"], sum(0.0 if math.isnan(r) else r for r in pairs) / 3)
        unseen = pooled[:, studio.collection.split_images(Split.HELD_OUT)]
        pairs = [correlation(unseen[i], unseen[j]) for i, j in combinations((1, 2, 3), 2)]
        mean = sum(0.0 if math.isnan(r) else r for r in pairs) / 3
        assert near(row["stream_correlation_held_out"], mean if unseen[1:].any() else math.nan)
    assert all(studio.atlas.concept(0)[name] is None for name in STREAM_COLUMNS)
    assert studio.atlas.concept(1)["firing_entropy"] == pytest.approx(0.0)
    assert studio.atlas.concept(1)["main_stream"] == "vit:conv"


def test_concepts_describe_all_streams_together(studio: Studio) -> None:
    u = studio.universal.standardize(studio.tokens.flatten(0, 1)).double()
    atoms = studio.universal.standard_atoms.double()
    z = torch.from_numpy(studio.codes[0].reshape(-1, K)).double()
    whole, variance = (u - z @ atoms).square().sum(), u.square().sum()
    for k in range(K):
        row = studio.atlas.concept(k)
        assert near(row["density"], float((z[:, k] > 0).double().mean()))
        assert near(row["max"], float(z[:, k].max()))
        without = z.clone()
        without[:, k] = 0
        lost = ((u - without @ atoms).square().sum() - whole) / variance
        assert row["importance"] == pytest.approx(float(lost), rel=1e-3, abs=1e-5)


def test_the_matrix_is_that_of_the_dictionary(studio: Studio) -> None:
    rows, judged = studio.atlas.cross_r2(), studio.judged
    assert [(row["source"], row["target"]) for row in rows] == [(i, j) for i in (1, 2, 3) for j in (1, 2, 3)]
    for row in rows:
        i, j = row["source"] - 1, row["target"] - 1
        assert row["r2"] == judged["cross_r2"][i][j]
        assert row["permuted"] == judged["cross_r2_permuted"][i][j]
        assert row["ridge"] == judged["cross_r2_ridge"][i][j]
        assert row["independent"] == (judged["independent_r2"][i] if i == j else None)


def test_equal_inputs_give_the_same_atlas(studio: Studio, tmp_path: Path) -> None:
    first = studio.atlas.artifact
    assert index_universal(ATLAS, studio.inputs, studio.artifacts, on_progress=lambda *_: None).digest == first.digest
    other = studio_of(tmp_path, studio.collection, list(studio.paired.stores))
    assert other.universal_artifact.digest == studio.universal_artifact.digest
    again = index_universal(ATLAS, other.inputs, other.artifacts, on_progress=lambda *_: None)
    assert (again.digest, again.path) == (first.digest, tmp_path / "store" / "atlas" / first.digest)
    assert {file.name for file in again.path.iterdir()} == {"atlas.duckdb", "manifest.json"}


def test_other_activations_are_refused(studio: Studio, tmp_path: Path) -> None:
    turned = UniversalIndexInputs(studio.universal_artifact, studio.paired.stores[::-1], studio.collection, {})
    changed = ATLAS.model_copy(update={"seed": 9})
    with pytest.raises(InvalidInput, match="give those it learned from"):
        index_universal(changed, turned, studio.artifacts, on_progress=lambda *_: None)
    few = UniversalIndexInputs(studio.universal_artifact, studio.paired.stores[:2], studio.collection, {})
    with pytest.raises(InvalidInput, match="3 streams"):
        index_universal(changed, few, studio.artifacts, on_progress=lambda *_: None)
