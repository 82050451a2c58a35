"""Several dictionaries on one pass, runs that are put aside and taken up again, and the options of a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from store.errors import InvalidInput
from store.methods import AnyDictionarySpec, GradientSpec
from tests.worker.dictionaries.planted import SPECS, planted_streams, planted_tokens
from worker.dictionaries.losses import disagreement
from worker.dictionaries.registry import METHODS
from worker.dictionaries.tokens import MemoryTokens
from worker.training import loop
from worker.training.checkpoint import Checkpoints
from worker.training.loop import train, train_together
from worker.training.records import Trained

pytestmark = pytest.mark.slow

METHOD = pytest.mark.parametrize("method", sorted(METHODS))


def shortened(spec: AnyDictionarySpec, **changes: object) -> AnyDictionarySpec:
    return type(spec).model_validate(spec.as_json() | {"epochs": 2, "batch_tokens": 128} | changes)


def equal(one: Trained, other: Trained) -> bool:
    states = one.dictionary.state_dict(), other.dictionary.state_dict()
    same = all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    return same and one.history == other.history


class Interrupted(Exception):
    """The kill of these tests."""


class Breaking(MemoryTokens):
    """A stream that is cut off within its second epoch."""

    def batches(self, batch_tokens: int, *, seed: int, epoch: int) -> Iterator[Float[Tensor, "b d"]]:
        for number, batch in enumerate(super().batches(batch_tokens, seed=seed, epoch=epoch)):
            if (epoch, number) == (1, 9):
                raise Interrupted
            yield batch


@METHOD
def test_a_dictionary_becomes_the_same_alone_and_in_company(method: str) -> None:
    stream, held_out = planted_streams()
    specs = [shortened(SPECS[method]), shortened(SPECS["topk"], seed=5)]
    together = train_together(specs, stream, held_out=held_out)
    assert all(equal(train(spec, stream, held_out=held_out), one) for spec, one in zip(specs, together, strict=True))


@METHOD
def test_an_interrupted_run_goes_on_bit_for_bit(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_CHECKPOINT_S", -1.0)
    stream, held_out = planted_streams()
    spec = shortened(SPECS[method])
    checkpoints = Checkpoints([tmp_path])
    with pytest.raises(Interrupted):
        train(spec, Breaking(stream.tokens), held_out=held_out, checkpoints=checkpoints)
    (kept,) = tmp_path.iterdir()
    assert kept.name == "checkpoint-000001-000000009.safetensors"
    resumed = train(spec, stream, held_out=held_out, checkpoints=checkpoints)
    assert equal(resumed, train(spec, stream, held_out=held_out))
    assert not list(tmp_path.iterdir())


def test_a_group_goes_on_from_the_newest_position_that_all_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_CHECKPOINT_S", -1.0)
    stream, _ = planted_streams()
    specs = [shortened(SPECS["topk"], seed=seed, n_mutual=1 + seed) for seed in (0, 1)]
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    with pytest.raises(Interrupted):
        train_together(specs, Breaking(stream.tokens), checkpoints=Checkpoints(folders))
    newest = next(folders[0].iterdir())
    newest.with_name("checkpoint-000001-000000010.safetensors").write_bytes(newest.read_bytes())  # torn: b has none
    resumed = train_together(specs, stream, checkpoints=Checkpoints(folders))
    assert all(equal(a, b) for a, b in zip(resumed, train_together(specs, stream), strict=True))


def test_a_checkpoint_of_another_spec_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_CHECKPOINT_S", -1.0)
    stream, _ = planted_streams()
    with pytest.raises(Interrupted):
        train(shortened(SPECS["topk"]), Breaking(stream.tokens), checkpoints=Checkpoints([tmp_path]))
    with pytest.raises(InvalidInput, match="belongs to another spec"):
        train(shortened(SPECS["topk"], lr=0.02), stream, checkpoints=Checkpoints([tmp_path]))
    next(tmp_path.iterdir()).write_bytes(b"damaged")
    with pytest.raises(InvalidInput, match="delete it to start again"):
        train(shortened(SPECS["topk"]), stream, checkpoints=Checkpoints([tmp_path]))


def test_specs_of_one_pass_must_agree_on_the_pass() -> None:
    stream, _ = planted_streams()
    with pytest.raises(InvalidInput, match="equal batch_tokens"):
        train_together([shortened(SPECS["topk"]), shortened(SPECS["topk"], batch_tokens=64)], stream)


def test_long_tokens_are_not_learned_from() -> None:
    tokens = planted_tokens()[0]
    spoiled = torch.cat([tokens, tokens[:100] * 50])
    limited = train(shortened(SPECS["topk"], norm_limit=5.0), MemoryTokens(spoiled))
    free = train(shortened(SPECS["topk"]), MemoryTokens(spoiled))
    x = tokens[200:400]

    def error(trained: Trained) -> float:
        return float((x - trained.dictionary.decode(trained.dictionary.encode(x))).square().sum())

    assert error(limited) < error(free)
    assert limited.history[0].l0 > 0


def test_mutual_training_brings_dictionaries_of_two_seeds_together() -> None:
    stream, _ = planted_streams()

    def distance(**changes: object) -> float:
        specs = [shortened(SPECS["topk"], seed=seed, start="random", **changes) for seed in (0, 1)]
        one, other = (train(spec, stream).dictionary.atoms for spec in specs)
        return float(disagreement([one, other]))

    spec = shortened(SPECS["topk"], start="random", n_mutual=2, mutual_weight=1.0)
    assert isinstance(spec, GradientSpec)
    alone = train(shortened(SPECS["topk"], start="random"), stream)
    assert not equal(train(spec, stream), alone)
    assert distance() > 0
    no_pull = train(shortened(SPECS["topk"], start="random", n_mutual=2, mutual_weight=0.0, clip=1e9), stream)
    assert equal(no_pull, train(shortened(SPECS["topk"], start="random", clip=1e9), stream))


def test_disagreement_is_the_literal_mean_of_best_matches() -> None:
    atoms = [torch.nn.functional.normalize(torch.randn(5, 3), dim=1) for _ in range(3)]
    best = []
    for i, a in enumerate(atoms):
        for j, b in enumerate(atoms):
            if i != j:
                best.append(sum(max(float(x @ y) for y in b) for x in a) / 5)
    assert float(disagreement(atoms)) == pytest.approx(1 - sum(best) / len(best), abs=1e-6)
    assert float(disagreement([atoms[0], atoms[0]])) == pytest.approx(0, abs=1e-6)


def test_whitening_evens_out_all_directions_and_comes_back() -> None:
    stream, _ = planted_streams()
    stretched = stream.tokens * torch.linspace(0.5, 5.0, stream.width)
    trained = train(shortened(SPECS["topk"], whiten=True, epochs=6), MemoryTokens(stretched))
    dictionary = trained.dictionary
    u = dictionary.standardize(stretched)
    covariance = torch.cov(u.t())
    torch.testing.assert_close(covariance, torch.eye(stream.width), atol=0.15, rtol=0)
    codes = dictionary.encode(stretched)
    inner = dictionary.standard_codes(u)
    by_hand = dictionary.mean + dictionary.scale * (inner.dense() @ dictionary.standard_atoms @ dictionary.colouring)  # type: ignore[operator]
    torch.testing.assert_close(dictionary.decode(codes), by_hand, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(dictionary.atoms.norm(dim=1), torch.ones(dictionary.n_concepts))


def test_whitening_stands_a_constant_dimension() -> None:
    tokens = planted_streams()[0].tokens.clone()
    tokens[:, 4] = 7.0
    trained = train(shortened(SPECS["topk"], whiten=True), MemoryTokens(tokens))
    codes = trained.dictionary.encode(tokens)
    assert trained.dictionary.decode(codes).isfinite().all()
    assert codes.values.isfinite().all()
    assert trained.history[-1].r2_train > 0.5
