"""Tokens in memory: every one once, in an order that seed and epoch decide."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import InvalidInput
from worker.dictionaries.tokens import MemoryTokens, checked_batches, sample_tokens


def numbered(n: int) -> MemoryTokens:
    return MemoryTokens(torch.arange(float(n))[:, None].repeat(1, 2))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), batch=st.integers(1, 70), seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_every_token_once(n: int, batch: int, seed: int, epoch: int) -> None:
    parts = list(numbered(n).batches(batch, seed=seed, epoch=epoch))
    assert max(map(len, parts)) <= batch
    assert sorted(torch.cat(parts)[:, 0].tolist()) == list(range(n))


def test_order_depends_on_seed_and_epoch_only() -> None:
    def order(seed: int, epoch: int) -> list[float]:
        return torch.cat(list(numbered(50).batches(7, seed=seed, epoch=epoch)))[:, 0].tolist()

    assert order(1, 2) == order(1, 2)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_statistics_are_those_of_the_tokens_unless_given() -> None:
    stream = numbered(5)
    torch.testing.assert_close(stream.mean, torch.tensor([2.0, 2.0]))
    torch.testing.assert_close(stream.std, torch.tensor([2.0, 2.0]).sqrt())
    assert torch.equal(MemoryTokens(stream.tokens, mean=torch.ones(2)).mean, torch.ones(2))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_bad_values_are_named_by_their_batch(bad: float) -> None:
    stream = numbered(10)
    position = torch.cat(list(stream.batches(4, seed=0, epoch=3)))[:, 0].tolist().index(7.0)
    stream.tokens[7, 1] = bad
    with pytest.raises(InvalidInput, match=f"1 of .* batch {position // 4} of epoch 3"):
        list(checked_batches(stream, 4, seed=0, epoch=3))


def test_large_values_are_not_taken_for_infinite() -> None:
    stream = MemoryTokens(torch.full((4, 2), 3e38), mean=torch.zeros(2), std=torch.ones(2))
    assert len(list(checked_batches(stream, 4, seed=0, epoch=0))) == 1


@pytest.mark.parametrize("wanted", [1, 10, 99, 100, 500])
def test_sample_is_spread_over_the_stream(wanted: int) -> None:
    sample = sample_tokens(numbered(100), wanted, seed=0, batch_tokens=10)
    values = sample[:, 0].tolist()
    assert len(set(values)) == len(values) >= min(wanted, 100)
    assert len(values) <= wanted + 10
    assert values == sample_tokens(numbered(100), wanted, seed=0, batch_tokens=10)[:, 0].tolist()
