"""Firing, energy and references against slow literal twins."""

import math

import pytest
import torch

from store.metrics import METRICS
from tests.worker.universal.planted import planted_streams, trained
from worker.dictionaries.tokens import MemoryTokens
from worker.recording import HEADLINE
from worker.universal.dictionary import UniversalDictionary
from worker.universal.firing import Firing, count_firing, thresholds
from worker.universal.judging import judge_universal
from worker.universal.references import independent_spec, ridge_r2, train_alone


@pytest.fixture(scope="module")
def universal() -> UniversalDictionary:
    return trained(planted_streams(2000)[0], epochs=2).dictionary


@pytest.fixture(scope="module")
def held_out() -> MemoryTokens:
    return planted_streams(2000)[1]


def codes_of(universal: UniversalDictionary, stream: MemoryTokens) -> list[torch.Tensor]:
    parts = enumerate(universal.parts)
    return [universal.stream_codes(i, stream.tokens[:, part].contiguous()).dense() for i, part in parts]


def test_thresholds_are_quantiles_of_codes_above_zero(universal: UniversalDictionary, held_out: MemoryTokens) -> None:
    found = thresholds(universal, held_out)
    for codes, threshold in zip(codes_of(universal, held_out), found, strict=True):
        share = float((codes[codes > 0] <= threshold).double().mean())
        assert share == pytest.approx(0.25, abs=0.002)


def test_counts_and_shares_are_those_of_slow_twins(universal: UniversalDictionary, held_out: MemoryTokens) -> None:
    above = thresholds(universal, held_out)
    firing = count_firing(universal, held_out, above=above, batch_tokens=300)
    one, other = codes_of(universal, held_out)
    for concept in range(0, universal.n_concepts, 9):
        first = {t for t, code in enumerate(one[:, concept].tolist()) if code > above[0]}
        second = {t for t, code in enumerate(other[:, concept].tolist()) if code > above[1]}
        assert firing.fires[:, concept].tolist() == [len(first), len(second)]
        assert int(firing.together[concept]) == len(first & second)
        assert int(firing.positive[0, concept]) == int((one[:, concept] > 0).sum())
        if not first | second:
            assert math.isnan(float(firing.jaccard[concept]))
            continue
        assert float(firing.jaccard[concept]) == pytest.approx(len(first & second) / len(first | second))
        total = len(first) + len(second)
        shares = [len(first) / total, len(second) / total]
        entropy = -sum(p * math.log(p) for p in shares if p > 0) / math.log(2)
        assert float(firing.entropy[concept]) == pytest.approx(entropy, abs=1e-9)
        assert bool(firing.one_stream[concept]) == (max(shares) >= 0.9)
        assert bool(firing.in_all[concept]) == (min(shares) >= 0.25)
        if first:
            assert float(firing.co_fire[0, concept]) == pytest.approx(len(first & second) / len(first))


def test_energy_is_the_mean_output_of_a_concept(universal: UniversalDictionary, held_out: MemoryTokens) -> None:
    firing = count_firing(universal, held_out, above=[0.0, 0.0])
    variance = torch.tensor([2.0, 5.0], dtype=torch.float64)
    energy = firing.energy(universal, variance)
    for i, part in enumerate(universal.parts):
        codes = codes_of(universal, held_out)[i]
        rows = universal.decoders[i].detach() * universal.scale[part]
        for concept in (0, 7, 33):
            mean = (codes[:, concept, None] * rows[concept]).mean(dim=0)
            assert float(energy[i, concept]) == pytest.approx(
                float(mean.square().sum()) / float(variance[i]), rel=1e-3, abs=1e-9
            )


def test_the_linear_map_is_ridge_regression(universal: UniversalDictionary, held_out: MemoryTokens) -> None:
    train = planted_streams(2000)[0]
    found = ridge_r2(train, held_out, parts=universal.parts)
    source, target = universal.parts
    x, y = ((train.tokens - train.mean)[:, part].double() for part in (source, target))
    gram = x.t() @ x
    weights = torch.linalg.inv(gram + 1e-3 * gram.diagonal().mean() * torch.eye(len(gram))) @ x.t() @ y
    x, y = ((held_out.tokens - train.mean)[:, part].double() for part in (source, target))
    expected = 1 - float((y - x @ weights).square().sum() / y.square().sum())
    assert float(found[0, 1]) == pytest.approx(expected, abs=1e-4)
    assert float(found[0, 0]) > 0.99


def test_a_judgement_has_defined_numbers_beside_their_nulls(
    universal: UniversalDictionary, held_out: MemoryTokens
) -> None:
    train = planted_streams(2000)[0]
    alone = train_alone(independent_spec(universal.spec, epochs=1), train, held_out, parts=universal.parts)
    judged = judge_universal(universal, held_out, train=train, alone=alone)
    metrics = judged.metrics
    assert set(metrics) <= METRICS.keys()
    assert all(METRICS[key].null in (None, *metrics) for key in metrics if key not in HEADLINE)
    assert all(math.isfinite(value) for value in metrics.values())
    assert metrics["cross_r2"] > metrics["cross_r2_permuted"]
    assert metrics["co_fire"] > metrics["co_fire_permuted"]
    assert metrics["firing_jaccard"] > metrics["firing_jaccard_permuted"]
    assert metrics["own_r2_independent"] == pytest.approx((alone[0].r2 + alone[1].r2) / 2)
    assert metrics["concept_consistency"] > metrics["concept_consistency_permuted"]
    assert len(judged.by_stream()["energy"]) == 2


def test_what_is_told_of_any_dictionary_counts_the_tokens_of_all_streams(
    universal: UniversalDictionary, held_out: MemoryTokens
) -> None:
    train = planted_streams(2000)[0]
    metrics = judge_universal(universal, held_out, train=train).metrics
    codes, learned = torch.cat(codes_of(universal, held_out)), torch.cat(codes_of(universal, train))
    dead = [bool((column == 0).all()) for column in codes.T]
    silent = [bool((column == 0).all()) for column in learned.T]
    assert metrics["l0"] == pytest.approx(sum(int((token > 0).sum()) for token in codes) / len(codes))
    assert metrics["dead_share_held_out"] == pytest.approx(sum(dead) / len(dead))
    assert metrics["dead_share_all"] == pytest.approx(sum(map(all, zip(dead, silent, strict=True))) / len(dead))
    dense = [int((column > 0).sum()) > 0.1 * len(codes) for column in codes.T]
    assert metrics["dense_share"] == pytest.approx(sum(dense) / len(dense))
    own = [
        1 - float((x - x_hat).square().sum() / (x - mean).square().sum())
        for x, x_hat, mean in own_outputs(universal, held_out)
    ]
    assert metrics["r2"] == pytest.approx(sum(own) / len(own), abs=1e-4)
    assert set(HEADLINE) <= set(metrics)


def test_a_concept_is_dense_above_a_tenth_of_the_tokens_of_all_streams() -> None:
    nothing = torch.zeros(2, 3, dtype=torch.int64)
    positive = torch.tensor([[2, 1, 4], [1, 1, 0]])
    firing = Firing(10, nothing, nothing[0], nothing[0], positive, nothing.double())
    assert firing.dense.tolist() == [True, False, True]
    assert firing.l0 == pytest.approx(9 / 20)


def own_outputs(universal: UniversalDictionary, stream: MemoryTokens) -> list[tuple[torch.Tensor, ...]]:
    """Each stream's tokens, what its own codes make of them, and its mean."""
    found: list[tuple[torch.Tensor, ...]] = []
    for number, part in enumerate(universal.parts):
        tokens = stream.tokens[:, part].contiguous()
        output = universal.decode_common(universal.stream_codes(number, tokens))[:, part]
        found.append((tokens, output.detach(), universal.mean[part]))
    return found
