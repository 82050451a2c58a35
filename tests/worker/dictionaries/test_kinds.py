"""ReLU, BatchTopK, JumpReLU and Matryoshka: each against its formula; group bias adaptation."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from store.methods import MatryoshkaSpec, load_dictionary_spec
from tests.worker.dictionaries.planted import N_ACTIVE, N_CONCEPTS, SPECS, WIDTH, planted_streams
from worker.dictionaries.batchtopk import BatchTopKDictionary
from worker.dictionaries.bias_groups import BiasGroups
from worker.dictionaries.jumprelu import JumpReluDictionary, _Jump
from worker.dictionaries.learned import Moment
from worker.dictionaries.linear import LinearDictionary
from worker.dictionaries.matryoshka import MatryoshkaDictionary
from worker.dictionaries.registry import make_dictionary
from worker.dictionaries.relu import ReluDictionary
from worker.training.loop import train

NOW = Moment(0, 0.0)


def started(method: str, **changes: object) -> tuple[LinearDictionary, Tensor]:
    """A dictionary with its first weights, and standardised tokens."""
    stream, _ = planted_streams()
    dictionary = make_dictionary(load_dictionary_spec(SPECS[method].as_json() | changes), WIDTH)
    assert isinstance(dictionary, LinearDictionary)
    dictionary.mean.copy_(stream.mean)
    inputs = dictionary.standardize(stream.tokens[:200])
    dictionary.start_from(inputs, generator=torch.Generator().manual_seed(0), on_iteration=lambda: None)
    return dictionary, inputs


def dense_pre_codes(dictionary: LinearDictionary, inputs: Tensor) -> Tensor:
    return inputs @ dictionary.encoder_weight.t() + dictionary.encoder_bias


def gradients(dictionary: LinearDictionary) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in dictionary.named_parameters() if p.grad is not None}


def assert_equal_gradients(dictionary: LinearDictionary, ours: Tensor, literal: Tensor) -> None:
    torch.testing.assert_close(ours, literal)
    ours.backward()
    found = gradients(dictionary)
    dictionary.zero_grad()
    literal.backward()
    assert set(found) == set(gradients(dictionary))
    for name, gradient in gradients(dictionary).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)


def test_relu_is_the_literal_loss() -> None:
    dictionary, inputs = started("relu", l1_weight=0.7)
    atoms = dictionary.make_atoms()
    found = dictionary.learn(inputs, atoms, moment=NOW)
    codes = dense_pre_codes(dictionary, inputs).relu()
    literal = (codes @ atoms - inputs).square().mean() + 0.7 / WIDTH * codes.sum(dim=1).mean()
    assert_equal_gradients(dictionary, found.loss, literal)
    assert found.n_fired == int((codes > 0).sum())


def test_encoder_decay_is_the_mean_squared_norm_of_the_rows() -> None:
    plain, inputs = started("topk")
    decaying, _ = started("topk", encoder_decay=0.2)
    losses = [one.learn(inputs, one.make_atoms(), moment=NOW).loss for one in (plain, decaying)]
    norms = sum(float(row @ row) for row in plain.encoder_weight.detach()) / N_CONCEPTS
    assert float((losses[1] - losses[0]).detach()) == pytest.approx(0.2 * norms, rel=1e-4)


def test_relu_weight_follows_l0_unless_it_is_fixed() -> None:
    for weight, moves in ((0.0, True), (0.5, False)):
        dictionary, inputs = started("relu", l1_weight=weight)
        assert isinstance(dictionary, ReluDictionary)
        before = float(dictionary.log_weight)
        found = dictionary.activate(inputs, dictionary.make_atoms(), moment=NOW)
        excess = int(found.counts.sum()) / (len(inputs) * N_ACTIVE) - 1
        expected = before + (0.03 * min(max(excess, -1), 1) if moves else 0)
        assert float(dictionary.log_weight) == pytest.approx(expected, abs=1e-6)


def test_batchtopk_takes_the_largest_of_the_batch() -> None:
    dictionary, inputs = started("batchtopk")
    assert isinstance(dictionary, BatchTopKDictionary)
    atoms = dictionary.make_atoms()
    found = dictionary.learn(inputs, atoms, moment=NOW)
    pre_codes = dense_pre_codes(dictionary, inputs)
    bound = pre_codes.flatten().sort(descending=True).values[N_ACTIVE * len(inputs) - 1].clamp_min(0)
    codes = torch.where(pre_codes >= bound, pre_codes, 0.0).relu()
    assert_equal_gradients(dictionary, found.loss, (codes @ atoms - inputs).square().mean())
    smallest = codes[codes > 0].detach().min()
    assert float(dictionary.threshold) == pytest.approx(float(smallest), rel=1e-5)


def test_batchtopk_threshold_is_a_moving_average_that_inference_uses() -> None:
    dictionary, inputs = started("batchtopk")
    assert isinstance(dictionary, BatchTopKDictionary)
    expected = None
    for part in torch.split(inputs, 50):
        chosen = dictionary.chosen(part).values.detach().min()
        expected = chosen if expected is None else 0.99 * expected + 0.01 * chosen
    assert expected is not None
    assert float(dictionary.threshold) == pytest.approx(float(expected), rel=1e-5)
    pre_codes = dense_pre_codes(dictionary, inputs)
    literal = torch.where(pre_codes > dictionary.threshold, pre_codes, 0.0)
    torch.testing.assert_close(dictionary.standard_codes(inputs).dense(), literal)


def test_jumprelu_codes_and_penalty_are_literal() -> None:
    dictionary, inputs = started("jumprelu", l0_weight=0.3)
    assert isinstance(dictionary, JumpReluDictionary)
    atoms = dictionary.make_atoms()
    found = dictionary.learn(inputs, atoms, moment=NOW)
    pre_codes = dense_pre_codes(dictionary, inputs)
    codes = torch.where(pre_codes > dictionary.theta, pre_codes, 0.0)
    l0 = float((codes > 0).sum(dim=1).double().mean())
    assert l0 == pytest.approx(N_ACTIVE, abs=0.1)  # the first threshold is set so
    literal = (codes @ atoms - inputs).square().mean() + 0.3 * (l0 / N_ACTIVE - 1) ** 2
    torch.testing.assert_close(found.loss, literal)
    torch.testing.assert_close(dictionary.standard_codes(inputs).dense(), codes)


def test_jumprelu_thresholds_get_the_kernels_gradient() -> None:
    values = torch.tensor([0.2, 0.8, 0.95, 1.05, 1.2, 3.0])
    theta = torch.ones(6, requires_grad=True)
    of_codes, of_counted = torch.randn(6), torch.randn(6)
    codes, counted = _Jump.apply(values, theta, torch.tensor(0.3))  # type: ignore[no-untyped-call]
    (codes * of_codes + counted * of_counted).sum().backward()
    expected = [0.0, 0.0, *(-(of_codes + of_counted)[2:4] / 0.3).tolist(), 0.0, 0.0]
    assert theta.grad is not None
    torch.testing.assert_close(theta.grad, torch.tensor(expected))


def test_jumprelu_keeps_pairs_below_the_threshold_for_its_gradient() -> None:
    dictionary, inputs = started("jumprelu")
    assert isinstance(dictionary, JumpReluDictionary)
    dictionary.learn(inputs, dictionary.make_atoms(), moment=NOW).loss.backward()
    assert dictionary.log_theta.grad is not None
    assert dictionary.log_theta.grad.abs().sum() > 0


@pytest.mark.parametrize("method", ["relu", "jumprelu"])
def test_l0_comes_near_its_target(method: str) -> None:
    stream, held_out = planted_streams()
    last = train(SPECS[method], stream, held_out=held_out).history[-1]
    assert last.l0 == pytest.approx(N_ACTIVE, rel=0.1)


def test_matryoshka_is_the_literal_mean_over_prefixes() -> None:
    dictionary, inputs = started("matryoshka")
    assert isinstance(dictionary, MatryoshkaDictionary)
    assert dictionary.prefixes == [4, 8, 16]
    atoms = dictionary.make_atoms()
    found = dictionary.learn(inputs, atoms, moment=NOW)
    pre_codes = dense_pre_codes(dictionary, inputs)
    bound = pre_codes.flatten().sort(descending=True).values[N_ACTIVE * len(inputs) - 1].clamp_min(0)
    codes = torch.where(pre_codes >= bound, pre_codes, 0.0).relu()
    errors = [(codes[:, :size] @ atoms[:size] - inputs).square().mean() for size in dictionary.prefixes]
    assert_equal_gradients(dictionary, found.loss, torch.stack(errors).mean())
    torch.testing.assert_close(found.error, errors[-1].detach())


def test_matryoshka_starts_with_what_is_used_most() -> None:
    dictionary, inputs = started("matryoshka")
    counts = (dense_pre_codes(dictionary, inputs).topk(N_ACTIVE).indices.flatten()).bincount(minlength=N_CONCEPTS)
    assert counts.tolist() == sorted(counts.tolist(), reverse=True)


def test_matryoshka_needs_a_concept_for_every_level() -> None:
    with pytest.raises(ValidationError, match="at least 8 concepts, n_concepts is 6; lower n_levels"):
        MatryoshkaSpec(n_concepts=6, n_active=2, n_levels=4)


def test_prefixes_of_an_odd_number_are_rounded_up() -> None:
    dictionary = make_dictionary(MatryoshkaSpec(n_concepts=13, n_active=2, n_levels=3), 4)
    assert isinstance(dictionary, MatryoshkaDictionary)
    assert dictionary.prefixes == [4, 7, 13]


def test_bias_steps_are_literal() -> None:
    groups = BiasGroups(6, n_active=2, n_groups=3, rate=0.1, window=100)
    weights = [1.0, 0.5, 0.25] * 2
    mean = sum(weights) / 6
    expected = [min(w / mean * 2 / 6, 0.5) for w in weights]
    torch.testing.assert_close(groups.target, torch.tensor(expected))
    bias = torch.zeros(6)
    counts = torch.tensor([0, 20, 1, 20, 3, 2])
    groups.adapt(bias, counts, n_tokens=20)
    for k in range(6):
        density = expected[k] + 0.2 * (counts[k] / 20 - expected[k])
        step = min(max(float((expected[k] - density) / expected[k]), -1), 1)
        assert float(bias[k]) == pytest.approx(0.1 * step, abs=1e-6)


def test_group_biases_bring_densities_to_their_targets() -> None:
    stream, held_out = planted_streams()
    base = SPECS["topk"].as_json() | {"bias_rate": 0.1, "aux_weight": 0.0}
    distances = []
    for n_groups in (2, 0):
        one = load_dictionary_spec(base | {"bias_groups": n_groups})
        dictionary = train(one, stream, held_out=held_out).dictionary
        density = (dictionary.encode(stream.tokens).dense() > 0).double().mean(dim=0)
        target = BiasGroups(N_CONCEPTS, n_active=N_ACTIVE, n_groups=2, rate=1.0, window=1).target
        distances.append(float((density / target).clamp_min(1e-9).log().abs().mean()))
    assert distances[0] < 0.3 * distances[1]
