"""The penalty on codes and the gain that undoes it."""

import torch

from store.methods import ArchetypalSpec
from tests.worker.dictionaries.planted import N_ACTIVE, SPECS, planted_streams
from worker.dictionaries.archetypal import ArchetypalDictionary
from worker.dictionaries.learned import Moment
from worker.metrics.reconstruction import centred_r2
from worker.training.loop import train


@torch.enable_grad()
def trained(**changes: object) -> ArchetypalDictionary:
    stream, _ = planted_streams()
    fields = {"epochs": 4, "relaxation": 2.0, "encoder_decay": 0.0, **changes}
    dictionary = train(SPECS["archetypal"].model_copy(update=fields), stream).dictionary
    assert isinstance(dictionary, ArchetypalDictionary)
    return dictionary


@torch.no_grad()
def test_penalty_is_the_literal_one() -> None:
    dictionary = trained(code_penalty=0.2)
    inputs = dictionary.standardize(planted_streams()[0].tokens[:50])
    found = dictionary.activate(inputs, dictionary.make_atoms(), moment=Moment(0, 0.0))
    total, encoder = 0.0, (dictionary.encoder_weight, dictionary.encoder_bias)
    for token in inputs:
        pre_codes = [float(row @ token + bias) for row, bias in zip(*encoder, strict=True)]
        total += sum(max(code, 0.0) for code in sorted(pre_codes)[-N_ACTIVE:])
    assert found.extra is not None
    expected = 2 * 0.2 / (dictionary.width * N_ACTIVE) ** 0.5 * total / len(inputs)
    torch.testing.assert_close(found.extra, torch.tensor(expected), rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_gain_undoes_the_shrinkage() -> None:
    """With the gain of least squares no other scale of the codes reconstructs better, and it is needed."""
    dictionary = trained(code_penalty=0.3)
    stream, held_out = planted_streams()
    u = dictionary.standardize(stream.tokens)
    output = dictionary.standard_codes(u).dense() @ dictionary.standard_atoms
    best = float((u * output).sum() / output.square().sum())
    assert abs(best - 1) < 0.02
    assert dictionary.gain > 1.05
    with_gain = centred_r2(dictionary, held_out)
    dictionary.gain.fill_(1.0)
    assert with_gain > centred_r2(dictionary, held_out) + 0.002


def test_penalty_leaves_less_to_small_codes() -> None:
    """Share of a token's codes in its largest one, before and after."""
    _, held_out = planted_streams()
    shares = []
    for penalty in (0.0, 0.3):
        codes = trained(code_penalty=penalty).encode(held_out.tokens).values
        shares.append(float((codes.max(dim=1).values / codes.sum(dim=1).clamp_min(1e-6)).mean()))
    assert shares[1] > shares[0]


def test_nothing_is_made_up_before_the_first_step() -> None:
    dictionary = ArchetypalDictionary(ArchetypalSpec(n_concepts=16, n_active=2, n_candidates=64), 8)
    dictionary.settle()
    assert dictionary.gain == 1
