"""All metrics of one call: literal twins of those that sum over tokens, every null where it must be."""

import copy
import math
from functools import cache
from itertools import chain

import pytest
import torch
from torch import Tensor

from store.errors import InvalidInput
from store.metrics import GROUPS, METRICS
from store.vocabulary import Tokens
from tests.worker.dictionaries.planted import N_ACTIVE, N_CONCEPTS, SPECS, WIDTH, planted_streams
from worker.dictionaries.base import Dictionary
from worker.dictionaries.tokens import MemoryTokens
from worker.dictionaries.topk import TopKDictionary
from worker.metrics.evaluate import Judgement, evaluate, judge
from worker.metrics.images import ImageContext, ImageTokens
from worker.metrics.reconstruction import centred_r2
from worker.models.base import LinearHead
from worker.training.loop import train

N_IMAGES, PER_IMAGE = 100, 6
TOKEN_KEYS = {metric.key for name in ("reconstruction", "sparsity", "geometry", "codes") for metric in GROUPS[name]}
PROBE = {"probe_map", "probe_map_permuted"}
LIKENESS = {"monosemanticity", "monosemanticity_permuted"}
PLAUSIBLE = {key for key in METRICS if key.startswith("plausibility")}
KEPT = {key for key in METRICS if key.startswith(("cross_entropy_kept", "top1_agreement"))}


@cache
def dictionary() -> Dictionary:
    return train(SPECS["topk"], planted_streams()[0]).dictionary


@cache
def context(*, with_classes: bool = True, with_embeddings: bool = True) -> ImageContext:
    """Images whose class is the strongest of four concepts in them; held-out ones come after the others."""
    train_tokens, held_out = (stream.tokens.unflatten(0, (-1, PER_IMAGE)) for stream in planted_streams())
    every = torch.cat([train_tokens, held_out])
    pooled = dictionary().encode(every.flatten(0, 1)).dense()[:, :4].unflatten(0, (-1, PER_IMAGE)).mean(dim=1)
    classes = pooled.argmax(dim=1) if with_classes else torch.full((len(every),), -1)
    embeddings = torch.nn.functional.normalize(every.mean(dim=1) - every.mean(dim=(0, 1)), dim=1)
    numbers = torch.arange(len(every))
    n = len(train_tokens)
    return ImageContext(
        train=[ImageTokens(numbers[:n], train_tokens)],
        held_out=[ImageTokens(numbers[i : i + 40], every[i : i + 40]) for i in range(n, len(every), 40)],
        classes=classes,
        embeddings=embeddings if with_embeddings else None,
    )


@cache
def head() -> LinearHead:
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn(7, WIDTH, generator=generator)
    return LinearHead(weight, -weight @ planted_streams()[0].mean)


@cache
def judgement() -> Judgement:
    stream, held_out = planted_streams()
    return judge(dictionary(), held_out, train=stream, images=context(), head=head(), batch_tokens=77)


def metrics() -> dict[str, float]:
    return judgement().metrics


def test_everything_is_measured_defined_and_in_range() -> None:
    assert set(metrics()) == TOKEN_KEYS | PROBE | LIKENESS | PLAUSIBLE | KEPT
    for key, value in metrics().items():
        metric = METRICS[key]
        assert metric.low is None or value >= metric.low, key
        assert metric.high is None or value <= metric.high, key
        assert metric.null is None or metric.null in metrics(), key


def test_a_definition_stands_for_each_metric_that_is_measured_or_kept_in_a_history() -> None:
    measured = set(metrics()) | {metric.key for name in ("stability", "streams", "training") for metric in GROUPS[name]}
    assert set(METRICS) == measured
    assert len(METRICS) == len(list(chain.from_iterable(GROUPS.values())))


def test_reconstruction_and_sparsity_equal_their_literal_twins() -> None:
    stream, held_out = planted_streams()
    x, z = held_out.tokens.double(), dictionary().encode(held_out.tokens).dense().double()
    error = variance = 0.0
    for i in range(len(x)):
        output = stream.mean.double() + sum(z[i, k] * dictionary().atoms[k].double() for k in range(N_CONCEPTS))
        error += float(((x[i] - output) ** 2).sum())
        variance += float(((x[i] - stream.mean.double()) ** 2).sum())
    fired = z > 0
    everywhere = fired.any(dim=0) | (dictionary().encode(stream.tokens).dense() > 0).any(dim=0)
    found = metrics()
    assert found["r2"] == pytest.approx(1 - error / variance, abs=1e-6)
    assert found["r2"] == pytest.approx(centred_r2(dictionary(), held_out), abs=1e-6)
    assert found["fvu"] == pytest.approx(error / variance, abs=1e-6)
    assert found["fvu_data_atoms"] == pytest.approx(1 - found["r2_data_atoms"])
    assert found["l0"] == pytest.approx(float(fired.double().sum(dim=1).mean()))
    assert found["l0_share"] == pytest.approx(found["l0"] / N_CONCEPTS)
    assert found["density_median"] == pytest.approx(float(fired.double().mean(dim=0).median()))
    assert found["dead_share_held_out"] == pytest.approx(float((~fired.any(dim=0)).double().mean()))
    assert found["dead_share_all"] == pytest.approx(float((~everywhere).double().mean()))
    assert found["dense_share"] == pytest.approx(float((fired.double().mean(dim=0) > 0.1).double().mean()))
    assert found["n_tokens_held_out"] == 600


def test_a_trained_dictionary_beats_its_nulls() -> None:
    found = metrics()
    assert found["r2"] > 0.9
    assert found["r2_permuted_codes"] < 0 < found["r2_random_atoms"] < found["r2_data_atoms"] < found["r2"]
    assert found["ood_score"] < 0.5 * found["ood_score_random_atoms"]
    assert found["probe_map"] > 0.7 > 2 * found["probe_map_permuted"]
    assert found["monosemanticity"] > found["monosemanticity_permuted"]
    assert found["cross_entropy_kept"] > 0.9 > found["cross_entropy_kept_data_atoms"]
    assert found["top1_agreement"] > found["top1_agreement_data_atoms"]


def test_permuted_codes_keep_density_and_lose_company() -> None:
    """Planted codes are drawn without replacement: independent codes meet as often, up to chance."""
    found = metrics()
    assert found["connectivity"] == pytest.approx(found["connectivity_permuted"], abs=0.05)
    assert 0 < found["interference"] < 1


def test_kept_predictions_equal_those_of_reconstructed_patches() -> None:
    """Literal: reconstruct every patch, pool, head, softmax, in a loop over images."""
    clean, ours, mean = [], [], dictionary().mean
    for _, tokens in context().held_out:
        for image in tokens:
            output = dictionary().decode(dictionary().encode(image))
            clean.append(head().weight @ image.mean(dim=0) + head().bias)
            ours.append(head().weight @ output.mean(dim=0) + head().bias)
    nothing = head().weight @ mean + head().bias
    sums = torch.zeros(3)
    for c, o in zip(clean, ours, strict=True):
        for place, logits in enumerate((nothing, o, c)):
            sums[place] -= (c.softmax(dim=0) * logits.log_softmax(dim=0)).sum() / len(clean)
    same = [int(c.argmax()) == int(o.argmax()) for c, o in zip(clean, ours, strict=True)]
    assert len(same) == N_IMAGES
    assert metrics()["cross_entropy_kept"] == pytest.approx(float((sums[0] - sums[1]) / (sums[0] - sums[2])), abs=1e-3)
    assert metrics()["top1_agreement"] == pytest.approx(sum(same) / len(same))


def test_what_cannot_be_measured_is_absent() -> None:
    stream, held_out = planted_streams()
    assert set(evaluate(dictionary(), held_out, train=stream)) == TOKEN_KEYS
    assert set(evaluate(dictionary(), held_out, train=stream, head=head())) == TOKEN_KEYS | PLAUSIBLE
    bare = context(with_classes=False, with_embeddings=False)
    assert set(evaluate(dictionary(), held_out, train=stream, images=bare)) == TOKEN_KEYS
    likeness = context(with_classes=False)
    assert set(evaluate(dictionary(), held_out, train=stream, images=likeness)) == TOKEN_KEYS | LIKENESS


def test_class_tokens_say_nothing_about_pooled_predictions() -> None:
    stream, held_out = planted_streams()
    spec = SPECS["topk"].model_copy(update={"tokens": Tokens.CLASS, "epochs": 1})
    other = train(spec, stream).dictionary
    found = evaluate(other, held_out, train=stream, images=context(), head=head())
    assert KEPT & set(found) == set()


def test_metrics_do_not_depend_on_how_tokens_were_batched_or_shared_out() -> None:
    """Image by image or as a stream, in large or small batches: only permutations of whole batches may differ."""
    stream, held_out = planted_streams()
    whole = evaluate(dictionary(), held_out, train=stream, images=context(), head=head())
    varying = {"r2_permuted_codes", "ood_score", "ood_score_random_atoms"}
    for key in set(whole) - varying - {key for key in whole if "data_atoms" in key}:
        assert whole[key] == pytest.approx(metrics()[key], rel=1e-4, abs=1e-6), key


def test_equal_seeds_give_equal_numbers_and_another_seed_other_nulls() -> None:
    stream, held_out = planted_streams()
    first, second, other = (evaluate(dictionary(), held_out, train=stream, seed=seed) for seed in (0, 0, 1))
    assert first == second
    assert {key for key in first if first[key] != other[key]} >= {"r2_random_atoms", "r2_data_atoms"}
    assert all(first[key] == other[key] for key in ("r2", "l0", "babel", "connectivity"))


def test_density_histogram_counts_every_concept() -> None:
    histogram = judgement().density_histogram
    assert histogram["dead"] + sum(histogram["counts"]) == N_CONCEPTS
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1


def test_null_at_the_dictionary_s_own_number_of_codes() -> None:
    found = metrics()
    assert found["l0"] == pytest.approx(N_ACTIVE, abs=0.5)
    assert found["density_median_random_atoms"] == pytest.approx(N_ACTIVE / N_CONCEPTS, abs=0.05)


def test_a_dictionary_of_dead_concepts_gets_numbers_all_the_same() -> None:
    stream, held_out = planted_streams()
    dead = copy.deepcopy(dictionary())
    assert isinstance(dead, TopKDictionary)
    with torch.no_grad():
        dead.encoder_bias.fill_(-1e6)
    found = evaluate(dead, held_out, train=stream, images=context(), head=head())
    assert all(math.isfinite(value) for value in found.values())
    assert found["r2"] == pytest.approx(0, abs=1e-5)
    assert found["dead_share_all"] == found["connectivity"] == 1
    assert found["cross_entropy_kept"] == pytest.approx(0, abs=1e-5)
    assert set(found) == set(metrics()) - LIKENESS


def test_tokens_without_variance_cannot_judge() -> None:
    stream, _ = planted_streams()
    constant: Tensor = stream.mean.repeat(5, 1)
    with pytest.raises(InvalidInput, match="no variance"):
        evaluate(dictionary(), MemoryTokens(constant, mean=stream.mean, std=stream.std), train=stream)
