"""ReLU, BatchTopK, JumpReLU and Matryoshka: each against its formula; group bias adaptation."""

import math

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

NOW, LATER = Moment(0, 0.0), Moment(9, 0.5)


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


@pytest.mark.parametrize(("moment", "share"), [(NOW, 0.0), (Moment(1, 0.02), 0.2), (LATER, 1.0)])
def test_relu_is_the_literal_loss_with_a_warm_up(moment: Moment, share: float) -> None:
    dictionary, inputs = started("relu", l1_weight=0.7, warmup=0.1)
    atoms = dictionary.make_atoms()
    found = dictionary.learn(inputs, atoms, moment=moment)
    codes = dense_pre_codes(dictionary, inputs).relu()
    literal = (codes @ atoms - inputs).square().mean() + share * 0.7 / WIDTH * codes.sum(dim=1).mean()
    assert_equal_gradients(dictionary, found.loss, literal)
    assert found.n_fired == int((codes > 0).sum())


@pytest.mark.parametrize(
    ("weight", "moment", "moves"), [(0.0, LATER, True), (0.0, NOW, False), (0.5, LATER, False), (0.5, NOW, False)]
)
def test_relu_weight_follows_l0_after_the_warm_up_unless_it_is_fixed(
    weight: float, moment: Moment, *, moves: bool
) -> None:
    dictionary, inputs = started("relu", l1_weight=weight)
    assert isinstance(dictionary, ReluDictionary)
    before = float(dictionary.log_weight)
    found = dictionary.activate(inputs, dictionary.make_atoms(), moment=moment)
    excess = int(found.counts.sum()) / (len(inputs) * N_ACTIVE) - 1
    expected = before + (0.03 * min(max(excess, -1), 1) if moves else 0)
    assert float(dictionary.log_weight) == pytest.approx(expected, abs=1e-6)


def test_relu_starts_with_twice_as_many_codes_scaled_to_fit_best() -> None:
    dictionary, inputs = started("relu")
    codes = dense_pre_codes(dictionary, inputs).relu().detach()
    assert float((codes > 0).sum(dim=1).double().mean()) == pytest.approx(2 * N_ACTIVE, abs=0.1)
    output = codes @ dictionary.atoms
    errors = [float((inputs - factor * output).square().sum()) for factor in (0.98, 1.0, 1.02)]
    assert errors[1] < min(errors[0], errors[2])


def test_relu_with_group_biases_is_penalised_only_by_a_fixed_weight() -> None:
    for weight in (0.0, 0.5):
        dictionary, inputs = started("relu", l1_weight=weight, bias_groups=2)
        found = dictionary.activate(inputs, dictionary.make_atoms(), moment=LATER)
        assert (found.extra is not None) == (weight > 0)


def test_encoder_decay_is_the_mean_squared_norm_of_the_rows() -> None:
    plain, inputs = started("topk")
    decaying, _ = started("topk", encoder_decay=0.2)
    losses = [one.learn(inputs, one.make_atoms(), moment=NOW).loss for one in (plain, decaying)]
    norms = sum(float(row @ row) for row in plain.encoder_weight.detach()) / N_CONCEPTS
    assert float((losses[1] - losses[0]).detach()) == pytest.approx(0.2 * norms, rel=1e-4)


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


def test_jumprelu_with_group_biases_keeps_its_thresholds() -> None:
    dictionary, inputs = started("jumprelu", bias_groups=2, l0_weight=10.0)
    found = dictionary.learn(inputs, dictionary.make_atoms(), moment=NOW)
    found.loss.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found.loss.detach(), found.error)
    assert set(gradients(dictionary)) == {"encoder_weight", "decoder"}


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


@pytest.mark.parametrize(("n_groups", "factor"), [(1, 1.0), (3, 0.5), (7, 0.5), (13, 64 ** (-1 / 12))])
def test_targets_fall_from_group_to_group_about_their_mean(n_groups: int, factor: float) -> None:
    target = BiasGroups(5 * n_groups, n_active=1, n_groups=n_groups, rate=0.1).target
    expected = [factor ** (k % n_groups) for k in range(5 * n_groups)]
    total = sum(expected)
    torch.testing.assert_close(target, torch.tensor([share / total for share in expected]))


@pytest.mark.parametrize(("done", "share"), [(0.0, 1.0), (0.8, 1.0), (0.95, 0.25)])
def test_bias_steps_are_literal(done: float, share: float) -> None:
    groups = BiasGroups(6, n_active=2, n_groups=3, rate=0.1)
    weights = [1.0, 0.5, 0.25] * 2
    mean = sum(weights) / 6
    expected = [min(w / mean * 2 / 6, 0.5) for w in weights]
    torch.testing.assert_close(groups.target, torch.tensor(expected))
    bias = torch.zeros(6)
    counts = torch.tensor([0, 20, 1, 20, 3, 2])
    groups.adapt(bias, counts, n_tokens=20, done=done)
    for k in range(6):
        density = expected[k] + 0.4 * (counts[k] / 20 - expected[k])
        step = min(max(float((expected[k] - density) / expected[k]), -1), 1)
        assert float(bias[k]) == pytest.approx(share * 0.1 * step, abs=1e-6)


@pytest.mark.parametrize("method", ["topk", "relu", "jumprelu"])
def test_group_biases_bring_densities_to_their_targets(method: str) -> None:
    """All concepts of these tokens are equally frequent, so targets a factor 2 apart have to be forced on them."""
    stream, held_out = planted_streams()
    spec = load_dictionary_spec(SPECS[method].as_json() | {"aux_weight": 0.0, "bias_groups": 2})
    trained = train(spec, stream, held_out=held_out)
    density = (trained.dictionary.encode(stream.tokens).dense() > 0).double().mean(dim=0)
    target = BiasGroups(N_CONCEPTS, n_active=N_ACTIVE, n_groups=2, rate=1.0).target
    natural = float((N_ACTIVE / N_CONCEPTS / target).log().abs().mean())
    assert natural == pytest.approx((math.log(4 / 3) + math.log(3 / 2)) / 2, abs=1e-6)
    assert float((density / target).clamp_min(1e-9).log().abs().mean()) < 0.3 * natural
    assert trained.history[-1].dead_share_epoch == 0


def test_group_biases_revive_the_dead() -> None:
    """A concept whose bias keeps it silent comes back without any gradient."""
    dictionary, inputs = started("relu", bias_groups=1, aux_weight=0.0)
    with torch.no_grad():
        dictionary.encoder_bias[0] = -10.0
    counts = []
    for _ in range(400):
        found = dictionary.learn(inputs, dictionary.make_atoms(), moment=NOW)
        counts.append(int((dense_pre_codes(dictionary, inputs)[:, 0] > 0).sum()))
    assert counts[0] == 0
    assert counts[-1] == pytest.approx(len(inputs) * N_ACTIVE / N_CONCEPTS, rel=0.2)
    assert found.n_fired == pytest.approx(len(inputs) * N_ACTIVE, rel=0.2)
