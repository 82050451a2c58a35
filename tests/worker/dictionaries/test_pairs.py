"""Codes as pairs: values, gradients and slots against dense codes under autograd, in float64."""

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from worker.dictionaries import precodes
from worker.dictionaries.kernels import PairIndex, gathered_pair_products
from worker.dictionaries.pairs import Pairs, decode_pairs, encode_pairs
from worker.dictionaries.precodes import Choose, above, largest
from worker.dictionaries.sparse import reconstruct

N, K, D = 60, 12, 7

CHOICES: dict[str, Choose] = {
    "above": above(0.4),
    "largest": largest(90),
    "none": above(1e9),
    "all": above(-1e9),
}


@pytest.fixture
def leaves() -> list[Tensor]:
    return [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((N, D), (K, D), (K,), (K, D))]


def mask_of(pairs: Pairs) -> Tensor:
    return torch.zeros(N, K, dtype=torch.float64).index_put_((pairs.tokens, pairs.concepts), torch.ones(()).double())


@pytest.mark.parametrize("choice", list(CHOICES))
def test_gradients_equal_those_of_autograd(leaves: list[Tensor], choice: str) -> None:
    twins = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    upstream = torch.randn(N, D, dtype=torch.float64)
    x, weight, bias, atoms = leaves
    pairs = encode_pairs(x, weight, bias=bias, choose=CHOICES[choice])
    codes = pairs.with_values(pairs.values.relu().square())
    output = decode_pairs(codes, atoms)
    ((output * upstream).sum() + pairs.values.sin().sum()).backward()

    x, weight, bias, atoms = twins
    pre_codes = x @ weight.t() + bias
    mask = mask_of(pairs)
    expected = (pre_codes.relu().square() * mask) @ atoms
    torch.testing.assert_close(output, expected)
    ((expected * upstream).sum() + (pre_codes * mask).sin().sum()).backward()
    for leaf, twin in zip(leaves, twins, strict=True):
        torch.testing.assert_close(leaf.grad, twin.grad)


def test_only_the_gradients_that_are_asked_for(leaves: list[Tensor]) -> None:
    x, weight, bias, atoms = (leaf.detach() for leaf in leaves)
    pairs = encode_pairs(x, weight.requires_grad_(), bias=bias, choose=above(0.0))
    decode_pairs(pairs, atoms).sum().backward()
    assert weight.grad is not None
    assert bias.grad is None
    assert atoms.grad is None


def test_part_of_the_pairs_keeps_its_tokens_and_gradients(leaves: list[Tensor]) -> None:
    x, weight, bias, atoms = leaves
    pairs = encode_pairs(x, weight, bias=bias, choose=above(0.4))
    output = decode_pairs(pairs.only(pairs.concepts < 5), atoms)
    codes = (x @ weight.t() + bias) * mask_of(pairs)
    torch.testing.assert_close(output, codes[:, :5] @ atoms[:5])
    (found,) = torch.autograd.grad(output.sum(), weight)
    (expected,) = torch.autograd.grad((codes[:, :5] @ atoms[:5]).sum(), weight)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("choice", list(CHOICES))
def test_slots_and_counts(leaves: list[Tensor], choice: str) -> None:
    x, weight, bias, _ = (leaf.detach() for leaf in leaves)
    pairs = encode_pairs(x, weight, bias=bias, choose=CHOICES[choice])
    dense = (x @ weight.t() + bias) * mask_of(pairs)
    indices, values = pairs.padded()
    assert indices.shape == values.shape == (N, max(1, int((dense != 0).sum(dim=1).max())))
    torch.testing.assert_close(torch.zeros(N, K).double().scatter_add_(1, indices, values), dense)
    assert torch.equal(pairs.counts(), (dense > 0).sum(dim=0))


def test_copied_products_equal_sampled_ones() -> None:
    counts = torch.randint(0, 5, (N,))
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    pairs = PairIndex(starts, torch.randint(0, K, (int(starts[-1]),)), n_concepts=K)
    rows, table = torch.randn(N, D, dtype=torch.float64), torch.randn(K, D, dtype=torch.float64)
    copied = gathered_pair_products(rows, table, tokens=pairs.tokens, concepts=pairs.concepts)
    torch.testing.assert_close(pairs.products(rows, table), copied)
    expected = torch.stack([rows[i] @ table[k] for i, k in zip(pairs.tokens, pairs.concepts, strict=True)])
    torch.testing.assert_close(copied, expected)


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation makes."""

    entries = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor) and tensor.layout == torch.strided:
                self.entries = max(self.entries, tensor.numel())
        return made


@pytest.mark.parametrize("kind", ["topk", "above", "largest"])
def test_nothing_dense_is_made_forward_or_backward(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    n, n_concepts, width = 400, 300, 10
    monkeypatch.setitem(precodes._PART_ENTRIES, "cpu", 40 * n_concepts)
    x, atoms = torch.randn(n, width), torch.randn(n_concepts, width, requires_grad=True)
    weight, bias = torch.randn(n_concepts, width, requires_grad=True), torch.zeros(n_concepts, requires_grad=True)
    with Largest() as largest_made:
        if kind == "topk":
            output = reconstruct(x, weight, bias=bias, atoms=atoms, n_active=4).output
        else:
            choose = above(7.0) if kind == "above" else largest(4 * n)
            output = decode_pairs(encode_pairs(x, weight, bias=bias, choose=choose), atoms)
        output.square().sum().backward()
    assert atoms.grad is not None
    assert weight.grad is not None
    assert 0 < largest_made.entries <= 40 * n_concepts < n * n_concepts / 9
