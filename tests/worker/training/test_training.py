"""Training: schedule, dead concepts, progress, and input that cannot be learned from."""

import math

import pytest
import torch
from torch import Tensor

from store.errors import InvalidInput
from store.metrics import METRICS
from tests.worker.dictionaries.planted import N_CONCEPTS, SPECS, planted_streams, planted_tokens
from worker.dictionaries.learned import Moment
from worker.dictionaries.registry import make_dictionary
from worker.dictionaries.tokens import MemoryTokens
from worker.dictionaries.topk import TopKDictionary
from worker.metrics.reconstruction import centred_r2
from worker.training.learners import GradientLearner
from worker.training.loop import train
from worker.training.records import TrainingProgress
from worker.training.schedule import learning_rate_factor

SHORT = SPECS["topk"].model_copy(update={"epochs": 2})


def test_learning_rate_rises_and_falls() -> None:
    factors = [learning_rate_factor(i / 100, warmup=0.2) for i in range(101)]
    assert factors[0] == 0
    assert factors[20] == 1
    assert factors[10] == pytest.approx(0.5)
    assert factors[60] == pytest.approx(0.505)
    assert factors[100] == pytest.approx(0.01)
    assert factors[:21] == sorted(factors[:21])
    assert factors[20:] == sorted(factors[20:], reverse=True)


@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_learning_rate_without_one_of_its_parts(warmup: float) -> None:
    assert all(0 <= learning_rate_factor(i / 10, warmup=warmup) <= 1 for i in range(11))


def test_planted_atoms_are_recovered() -> None:
    stream, held_out = planted_streams()
    atoms = train(SPECS["topk"], stream, held_out=held_out).dictionary.atoms
    assert (atoms @ planted_tokens()[1].t()).max(dim=0).values.min() > 0.95


def test_history_holds_defined_numbers_and_no_times() -> None:
    stream, held_out = planted_streams()
    history = train(SHORT, stream, held_out=held_out).history
    assert [record.epoch for record in history] == [0, 1]
    assert set(history[0].as_json()) - {"epoch"} <= set(METRICS)
    assert history[1].r2_train > history[0].r2_train


def test_held_out_r2_is_that_of_the_dictionary() -> None:
    stream, held_out = planted_streams()
    trained = train(SHORT, stream, held_out=held_out)
    x = held_out.tokens
    output = trained.dictionary.decode(trained.dictionary.encode(x))
    expected = 1 - (x - output).square().sum() / (x - stream.mean).square().sum()
    assert centred_r2(trained.dictionary, held_out) == pytest.approx(float(expected), abs=1e-5)
    assert trained.history[-1].r2_held_out == pytest.approx(float(expected), abs=1e-5)


def test_a_shared_mean_earns_nothing() -> None:
    stream, held_out = planted_streams()
    shifted = MemoryTokens(stream.tokens + 1000), MemoryTokens(held_out.tokens + 1000, mean=stream.mean + 1000)
    near = train(SHORT, stream, held_out=held_out).history[-1].r2_held_out
    far = train(SHORT, shifted[0], held_out=shifted[1]).history[-1].r2_held_out
    assert near is not None
    assert far == pytest.approx(near, abs=0.02)


def with_a_dead_concept() -> tuple[GradientLearner, Tensor]:
    """A learner whose concept 0 is too faint to be chosen, and has long been silent; and standardised tokens."""
    stream, _ = planted_streams()
    dictionary = make_dictionary(SHORT, stream.width)
    assert isinstance(dictionary, TopKDictionary)
    dictionary.mean.copy_(stream.mean)
    inputs = dictionary.standardize(stream.tokens[:500])
    dictionary.start_from(inputs, generator=torch.Generator().manual_seed(0), on_iteration=lambda: None)
    with torch.no_grad():
        dictionary.encoder_weight[0] *= 1e-6
    dictionary.silent_tokens[0] = SHORT.dead_after_tokens
    return GradientLearner(dictionary, tokens_total=2 * stream.n_tokens, norm_limit=math.inf), inputs


def test_auxiliary_loss_touches_dead_concepts_only_and_reaches_their_encoder() -> None:
    gradients = []
    for silent in (SHORT.dead_after_tokens, SHORT.dead_after_tokens - 1):
        learner, inputs = with_a_dead_concept()
        dictionary = learner.dictionary
        dictionary.silent_tokens[0] = silent
        dictionary.learn(inputs, dictionary.make_atoms(), moment=Moment(0, 0.0)).loss.backward()
        gradients.append({name: p.grad for name, p in dictionary.named_parameters()})
    for name, with_aux in gradients[0].items():
        without = gradients[1][name]
        assert with_aux is not None
        assert without is not None
        assert with_aux[0].abs().sum() > 0, name
        assert without[0].abs().sum() == 0, name
        assert torch.equal(with_aux[1:], without[1:]), name


def test_silence_is_counted_in_tokens() -> None:
    learner, _ = with_a_dead_concept()
    learner.dictionary.silent_tokens.zero_()
    learner.take(planted_streams()[0].tokens[:100])
    silent = learner.dictionary.silent_tokens.tolist()
    assert silent[0] == 100
    assert set(silent[1:]) == {0}


def test_progress_goes_from_start_to_the_last_token() -> None:
    stream, _ = planted_streams()
    seen: list[TrainingProgress] = []
    train(SHORT, stream, on_progress=seen.append)
    assert seen[0].phase == "start"
    done = [state.tokens_done for state in seen]
    assert done == sorted(done)
    assert done[-1] == seen[-1].tokens_total == 2 * stream.n_tokens
    assert seen[-1].loss is not None
    assert seen[-1].dead_share is not None


def test_an_exception_of_the_listener_ends_training() -> None:
    def stop(_: TrainingProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(SHORT, planted_streams()[0], on_progress=stop)


def test_constant_dimensions_are_tolerated() -> None:
    tokens = planted_tokens()[0]
    tokens[:, 3] = 7.0
    trained = train(SHORT, MemoryTokens(tokens))
    assert math.isfinite(trained.history[-1].loss)
    output = trained.dictionary.decode(trained.dictionary.encode(tokens))
    assert (output[:, 3] - 7).abs().max() < 0.5


def spoiled(value: float) -> Tensor:
    tokens = planted_tokens()[0]
    tokens[17, 2] = value
    return tokens


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_values_that_are_no_numbers(value: float) -> None:
    clean = planted_streams()[0]
    with pytest.raises(InvalidInput, match="batch .* row 17"):
        train(SHORT, MemoryTokens(spoiled(value), mean=clean.mean, std=clean.std))
    with pytest.raises(InvalidInput, match="row 17"):
        train(SHORT, MemoryTokens(spoiled(value)))


def test_fewer_tokens_than_concepts_or_candidates() -> None:
    few = MemoryTokens(planted_tokens(N_CONCEPTS - 1)[0])
    with pytest.raises(InvalidInput, match="n_concepts is 16, but there are only 15 tokens"):
        train(SHORT, few)
    with pytest.raises(InvalidInput, match="lower n_candidates"):
        train(SPECS["archetypal"], MemoryTokens(planted_tokens(100)[0]))


def test_equal_activations() -> None:
    with pytest.raises(InvalidInput, match="All activations are equal"):
        train(SHORT, MemoryTokens(torch.ones(100, 4)))


@pytest.mark.parametrize(
    ("bias", "what"), [(-1e6, "every concept is dead"), (torch.nan, "the loss is no finite number")]
)
def test_collapse_is_told_with_advice(bias: float, what: str) -> None:
    learner, _ = with_a_dead_concept()
    with torch.no_grad():
        learner.dictionary.encoder_bias.fill_(bias)
    learner.take(planted_streams()[0].tokens[:100])
    with pytest.raises(InvalidInput, match=rf"epoch 1: {what}.*Lower lr"):
        learner.end_epoch(1, held_out=None)
