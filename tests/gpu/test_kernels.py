"""Sparse products and training on a GPU against the CPU: the same codes but for the rounding of bfloat16."""

import pytest
import torch
from torch import Tensor

from store.methods import BatchTopKSpec, TopKSpec
from store.universal import UniversalSpec
from tests.worker.dictionaries.planted import COMMON, planted_streams
from tests.worker.dictionaries.triton_checks import drawn_pairs
from tests.worker.universal.planted import SPEC, WIDTHS
from tests.worker.universal.planted import planted_streams as planted_pairs
from worker.dictionaries.kernels import PairIndex, gathered_pair_products
from worker.dictionaries.pairs import decode_pairs, encode_pairs
from worker.dictionaries.precodes import Choose, PreCodes, above, largest, top_of_batch
from worker.dictionaries.sparse import reconstruct
from worker.training.loop import train
from worker.universal.crossing import cross_r2
from worker.universal.training import train_universal

pytestmark = pytest.mark.gpu

N, K, D = 500, 2000, 48


@pytest.fixture
def floats() -> list[Tensor]:
    return [torch.randn(shape) for shape in ((N, D), (K, D), (K,), (K, D))]


def test_products_over_pairs_are_those_of_the_cpu(floats: list[Tensor]) -> None:
    starts, concepts = drawn_pairs(N, K, 16 * N)
    rows, table = floats[0], floats[1]
    weights = torch.randn(len(concepts))
    here = PairIndex(starts, concepts, n_concepts=K)
    there = PairIndex(starts.cuda(), concepts.cuda(), n_concepts=K)
    close = torch.testing.assert_close
    close(there.sums_by_token(weights.cuda(), table.cuda()).cpu(), here.sums_by_token(weights, table))
    close(there.sums_by_concept(weights.cuda(), rows.cuda()).cpu(), here.sums_by_concept(weights, rows))
    close(there.totals(weights.cuda()).cpu(), here.totals(weights))
    close(there.products(rows.cuda(), table.cuda()).cpu(), here.products(rows, table), rtol=1e-4, atol=1e-4)
    copied = gathered_pair_products(rows.cuda(), table.cuda(), tokens=there.tokens, concepts=there.concepts)
    close(copied.cpu(), here.products(rows, table), rtol=1e-4, atol=1e-4)


def test_codes_are_exact_and_nearly_the_largest(floats: list[Tensor]) -> None:
    inputs, weight, bias, _ = (tensor.cuda() for tensor in floats)
    dense = torch.nn.functional.linear(inputs.double(), weight.double(), bias.double())
    indices, values = top_of_batch(PreCodes(inputs, weight, bias), 16)
    torch.testing.assert_close(values.double(), dense.gather(1, indices).relu(), rtol=1e-4, atol=1e-4)
    best = dense.topk(16, dim=1).values.relu()
    assert ((best.sum(dim=1) - values.sum(dim=1)) / best.sum(dim=1)).max() < 0.01


def test_gradients_are_those_of_the_chosen_codes(floats: list[Tensor]) -> None:
    leaves = [tensor.cuda().requires_grad_() for tensor in floats]
    twins = [leaf.detach().double().requires_grad_() for leaf in leaves]
    upstream = torch.randn(N, D, device="cuda")
    found = reconstruct(leaves[0], leaves[1], bias=leaves[2], atoms=leaves[3], n_active=8)
    (found.output * upstream).sum().backward()
    mask = torch.zeros(N, K, device="cuda", dtype=torch.float64).scatter_(1, found.indices, 1.0)
    ((torch.nn.functional.linear(*twins[:3]) * mask).relu() @ twins[3] * upstream).sum().backward()
    for leaf, twin in zip(leaves, twins, strict=True):
        assert leaf.grad is not None
        assert twin.grad is not None
        torch.testing.assert_close(leaf.grad.double(), twin.grad, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("choose", [above(12.0), largest(16 * N)], ids=["above", "largest"])
def test_pairs_are_exact_and_nearly_those_of_the_cpu(floats: list[Tensor], choose: Choose) -> None:
    found = {}
    for device in ("cpu", "cuda"):
        inputs, weight, bias, atoms = (tensor.to(device) for tensor in floats)
        pairs = encode_pairs(inputs, weight, bias=bias, choose=choose)
        codes = torch.zeros(N, K, device=device).index_put((pairs.tokens, pairs.concepts), pairs.values)
        torch.testing.assert_close(decode_pairs(pairs, atoms), codes @ atoms, rtol=1e-3, atol=1e-2)
        found[device] = codes.cpu()
    dense = torch.nn.functional.linear(*floats[:3])
    chosen = found["cuda"] != 0
    torch.testing.assert_close(found["cuda"][chosen], dense[chosen], rtol=1e-4, atol=1e-3)
    assert abs(found["cuda"].sum() / found["cpu"].sum() - 1) < 0.01
    assert (chosen == (found["cpu"] != 0)).double().mean() > 0.999  # a few at the bound, within bfloat16's rounding


@pytest.mark.parametrize("spec", [TopKSpec, BatchTopKSpec])
def test_training_reaches_what_the_cpu_reaches(spec: type[TopKSpec] | type[BatchTopKSpec]) -> None:
    stream, held_out = planted_streams()
    chosen = spec(**COMMON)
    scores = [train(chosen, stream, held_out=held_out, device=device).history[-1] for device in ("cpu", "cuda")]
    assert scores[0].r2_held_out is not None
    assert scores[1].r2_held_out is not None
    assert abs(scores[0].r2_held_out - scores[1].r2_held_out) < 0.02


def test_a_universal_dictionary_reaches_what_the_cpu_reaches() -> None:
    stream, held_out = planted_pairs()
    chosen = UniversalSpec.model_validate(SPEC)
    found = [
        cross_r2(train_universal(chosen, stream, widths=WIDTHS, device=device).dictionary, held_out).r2
        for device in ("cpu", "cuda")
    ]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0.03)
