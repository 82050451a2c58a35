"""Every metric against its literal twin, every null where it must be."""

from functools import cache

import pytest
import torch

from store.errors import InvalidInput
from store.metrics import METRICS
from tests.worker.dictionaries.planted import N_ACTIVE, N_CONCEPTS, SPECS, planted_streams
from worker.dictionaries.base import Dictionary
from worker.dictionaries.tokens import MemoryTokens
from worker.evaluation import count_fired, evaluate, r2_of_atoms, random_atoms, token_atoms
from worker.training.loop import train


@cache
def dictionary() -> Dictionary:
    return train(SPECS["topk"], planted_streams()[0]).dictionary


@cache
def metrics() -> dict[str, float]:
    stream, held_out = planted_streams()
    return evaluate(dictionary(), held_out, train=stream, batch_tokens=77)


def test_every_metric_is_defined_and_in_range() -> None:
    for key, value in metrics().items():
        metric = METRICS[key]
        assert metric.low is None or value >= metric.low, key
        assert metric.high is None or value <= metric.high, key


def test_metrics_equal_their_literal_twins() -> None:
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
    assert found["fvu"] == pytest.approx(error / variance, abs=1e-6)
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


def test_null_takes_the_best_gain() -> None:
    """Literal: the best of many gains, none better."""
    stream, held_out = planted_streams()
    atoms = random_atoms(dictionary(), seed=3)
    centred = held_out.tokens - stream.mean
    projections = centred @ atoms.t()
    kept = projections >= projections.sort(dim=1, descending=True).values[:, N_ACTIVE - 1 : N_ACTIVE]
    output = torch.where(kept, projections, 0.0).relu() @ atoms
    gains = torch.linspace(0, 2, 401)
    scores = [1 - float((centred - g * output).square().sum() / centred.square().sum()) for g in gains]
    found = r2_of_atoms(dictionary(), atoms, held_out=held_out, batch_tokens=50)
    assert found == pytest.approx(max(scores), abs=1e-4)
    assert found >= max(scores) - 1e-6


def test_token_atoms_are_centred_training_tokens_at_norm_one() -> None:
    stream, _ = planted_streams()
    atoms = token_atoms(dictionary(), stream, seed=0)
    directions = torch.nn.functional.normalize(stream.tokens - stream.mean, dim=1)
    assert atoms.shape == dictionary().atoms.shape
    torch.testing.assert_close((atoms @ directions.t()).max(dim=1).values, torch.ones(N_CONCEPTS))


def test_counts_do_not_depend_on_the_batches() -> None:
    held_out = planted_streams()[1]
    counts = [count_fired(dictionary(), held_out, batch_tokens=n) for n in (7, 600)]
    assert torch.equal(counts[0], counts[1])
    assert counts[0].sum() == (dictionary().encode(held_out.tokens).values > 0).sum()


def test_tokens_without_variance_cannot_judge() -> None:
    stream, _ = planted_streams()
    constant = MemoryTokens(stream.mean.repeat(5, 1), mean=stream.mean, std=stream.std)
    with pytest.raises(InvalidInput, match="no variance"):
        evaluate(dictionary(), constant, train=stream)
