"""Pre-codes in parts, and every way of choosing among them, against the dense matrix."""

import pytest
import torch
from torch import Tensor

from worker.dictionaries import precodes
from worker.dictionaries.precodes import Chosen, PreCodes, above, largest, top_codes, top_of_batch
from worker.dictionaries.sparse import reconstruct

N, K, D = 50, 70, 9


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(precodes._PART_ENTRIES, "cpu", 8 * K)  # 50 rows: six parts of 8 and one of 2


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def parts(request: pytest.FixtureRequest) -> list[Tensor]:
    return [torch.randn(shape, dtype=request.param) for shape in ((N, D), (K, D), (K,))]


def whole(parts: list[Tensor]) -> Tensor:
    inputs, weight, bias = parts
    return inputs @ weight.t() + bias


def given(dense: Tensor) -> PreCodes:
    """Pre-codes that are exactly the entries of ``dense``."""
    width = dense.shape[1]
    return PreCodes(dense, torch.eye(width, dtype=dense.dtype), torch.zeros(width, dtype=dense.dtype))


def chosen_mask(chosen: Chosen, shape: torch.Size) -> Tensor:
    mask = torch.zeros(shape, dtype=torch.bool)
    for token in range(shape[0]):
        mask[token, chosen.concepts[chosen.starts[token] : chosen.starts[token + 1]]] = True
    assert int(mask.sum()) == len(chosen.concepts) == len(chosen.values)
    return mask


def test_parts_are_the_product(parts: list[Tensor]) -> None:
    found = [(first, part.clone()) for first, part in PreCodes(*parts).parts()]
    assert [first for first, _ in found] == list(range(0, N, 8))
    torch.testing.assert_close(torch.cat([part for _, part in found]), whole(parts))


def test_no_tokens_give_no_codes(parts: list[Tensor]) -> None:
    pre_codes = PreCodes(parts[0][:0], *parts[1:])
    assert top_of_batch(pre_codes, 3)[0].shape == (0, 3)
    assert largest(5)(pre_codes).starts.tolist() == [0]


@pytest.mark.parametrize(
    "n_concepts", [15, 16, 96, 131, 400]
)  # plain; by groups, with and without a rest; groups of groups
@pytest.mark.parametrize("values", ["different", "ties", "negative"])
def test_top_codes_are_the_largest(n_concepts: int, values: str) -> None:
    pre_codes = torch.randn(200, n_concepts)
    if values == "ties":
        pre_codes = pre_codes.round()
    if values == "negative":
        pre_codes = -pre_codes.abs()
    for n_active in (1, 2, 6):
        indices, found = top_codes(pre_codes, n_active)
        expected = pre_codes.topk(n_active, dim=1).values.relu()
        assert torch.equal(found.sort(dim=1, descending=True).values, expected)
        assert torch.equal(pre_codes.gather(1, indices).relu(), found)
        assert all(len(set(row.tolist())) == n_active for row in indices)


def test_top_of_batch_is_top_codes_of_the_whole(parts: list[Tensor]) -> None:
    indices, values = top_of_batch(PreCodes(*parts), 3)
    expected = top_codes(whole(parts), 3)
    torch.testing.assert_close(values.sort(dim=1).values, expected[1].sort(dim=1).values)
    assert torch.equal(indices.sort(dim=1).values, expected[0].sort(dim=1).values)


@pytest.mark.parametrize("threshold", [-100.0, 0.5, 100.0, "each"])
def test_above_finds_all_above(parts: list[Tensor], threshold: float | str) -> None:
    bound = torch.rand(K, dtype=parts[0].dtype) if isinstance(threshold, str) else threshold
    chosen = above(bound)(PreCodes(*parts))
    assert torch.equal(chosen_mask(chosen, torch.Size((N, K))), whole(parts) > bound)
    torch.testing.assert_close(chosen.values, whole(parts)[whole(parts) > bound])


def orders() -> dict[str, Tensor]:
    """Batches whose first rows tell nothing, too much or too little about the rest."""
    generator = torch.Generator().manual_seed(3)
    mixed = torch.randn(N, K, dtype=torch.float64, generator=generator)
    return {
        "mixed": mixed,
        "largest first": mixed.flatten().sort(descending=True).values.view(N, K),
        "largest last": mixed.flatten().sort().values.view(N, K),
        "ties": mixed.round(),
        "negative": -mixed.abs(),
        "zero": torch.zeros(N, K, dtype=torch.float64),
    }


@pytest.mark.parametrize("order", list(orders()))
@pytest.mark.parametrize("n_pairs", [1, 60, 600, N * K])
def test_largest_are_those_of_a_full_sort(order: str, n_pairs: int) -> None:
    dense = orders()[order]
    chosen = largest(n_pairs)(given(dense))
    expected = dense.flatten().sort(descending=True).values[:n_pairs]
    expected = expected[expected > 0]
    assert torch.equal(chosen.values.sort(descending=True).values, expected)
    assert torch.equal(dense[chosen_mask(chosen, dense.shape)], chosen.values)


class TestLowPrecision:
    """On a GPU pre-codes are compared in bfloat16; the same lines on the CPU."""

    @pytest.fixture(autouse=True)
    def bfloat16(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(precodes._PRODUCT_DTYPE, "cpu", torch.bfloat16)

    @pytest.fixture
    def floats(self) -> list[Tensor]:
        return [torch.randn(shape) for shape in ((N, D), (K, D), (K,))]

    def test_parts_are_rounded_products(self, floats: list[Tensor]) -> None:
        part = next(iter(PreCodes(*floats).parts()))[1]
        assert part.dtype == torch.bfloat16
        torch.testing.assert_close(part.float(), whole(floats)[:8], rtol=0.02, atol=0.1)

    def test_codes_have_full_precision_and_the_choice_is_nearly_the_same(self, floats: list[Tensor]) -> None:
        indices, values = top_of_batch(PreCodes(*floats), 3)
        dense = whole(floats)
        assert values.dtype == torch.float32
        torch.testing.assert_close(values, dense.gather(1, indices).relu())
        best = dense.topk(3, dim=1).values.relu()
        assert (best.sum(dim=1) - values.sum(dim=1)).max() < 0.1

    @pytest.mark.parametrize("threshold", [0.0, 1.5, "each"])
    def test_what_is_chosen_by_a_threshold_is_above_it(self, floats: list[Tensor], threshold: float | str) -> None:
        bound = torch.full((K,), 1.5) if isinstance(threshold, str) else threshold
        chosen = above(bound)(PreCodes(*floats))
        dense = whole(floats)
        mask = chosen_mask(chosen, dense.shape)
        torch.testing.assert_close(chosen.values, dense[mask])
        assert bool((chosen.values > (bound[0] if isinstance(bound, Tensor) else bound)).all())
        assert int((mask != (dense > bound)).sum()) < 0.02 * mask.sum()

    def test_the_largest_have_full_precision_and_are_above_0(self, floats: list[Tensor]) -> None:
        dense = whole(floats)
        for n_pairs in (60, N * K):
            chosen = largest(n_pairs)(PreCodes(*floats))
            torch.testing.assert_close(chosen.values, dense[chosen_mask(chosen, dense.shape)])
            assert bool((chosen.values > 0).all())
            assert abs(len(chosen.values) - min(n_pairs, int((dense > 0).sum()))) < 0.02 * n_pairs

    def test_gradients_are_those_of_the_chosen_codes_in_float32(self, floats: list[Tensor]) -> None:
        leaves = [tensor.clone().requires_grad_() for tensor in (*floats, torch.randn(K, D))]
        twins = [leaf.detach().clone().requires_grad_() for leaf in leaves]
        upstream = torch.randn(N, D)
        found = reconstruct(leaves[0], leaves[1], bias=leaves[2], atoms=leaves[3], n_active=3)
        (found.output * upstream).sum().backward()
        mask = torch.zeros(N, K).scatter_(1, found.indices, 1.0)
        output = (torch.nn.functional.linear(*twins[:3]) * mask).relu() @ twins[3]
        torch.testing.assert_close(found.output, output)
        (output * upstream).sum().backward()
        for leaf, twin in zip(leaves, twins, strict=True):
            torch.testing.assert_close(leaf.grad, twin.grad, rtol=1e-4, atol=1e-4)

    def test_float64_stays(self, floats: list[Tensor]) -> None:
        doubles = [tensor.double() for tensor in floats]
        assert next(iter(PreCodes(*doubles).parts()))[1].dtype == torch.float64
