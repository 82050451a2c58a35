"""All streams together: the mean of their codes, over standardised joint activations."""

import pytest
import torch

from tests.worker.universal.planted import SPEC, planted, planted_streams, trained
from worker.dictionaries.base import SparseCodes
from worker.universal.together import TogetherDictionary, mean_codes


def drawn_codes(n: int, n_slots: int, *, seed: int) -> SparseCodes:
    """Random concepts of ten, none twice; a third of the slots is not used and names any concept."""
    generator = torch.Generator().manual_seed(seed)
    indices = torch.rand(n, 10, generator=generator).topk(n_slots, dim=1).indices
    values = torch.rand(n, n_slots, generator=generator) + 0.1
    unused = torch.rand(n, n_slots, generator=generator) < 0.3
    return SparseCodes(torch.where(unused, 0, indices), torch.where(unused, 0.0, values), 10)


@pytest.mark.parametrize("slots", [(4, 4, 4), (1, 6), (7, 2, 3, 5, 1), (1, 1)])
def test_the_mean_of_sparse_codes_is_that_of_dense_ones(slots: tuple[int, ...]) -> None:
    of_streams = [drawn_codes(200, n, seed=number) for number, n in enumerate(slots)]
    found = mean_codes(of_streams)
    expected = torch.stack([codes.dense() for codes in of_streams]).mean(dim=0)
    torch.testing.assert_close(found.dense(), expected)
    for indices, values in zip(found.indices, found.values, strict=True):
        used = indices[values > 0].tolist()
        assert len(used) == len(set(used))


@pytest.mark.parametrize("changes", [{}, {"choice": "batchtopk"}, {"procedure": "published", "lr": 0.003}])
def test_a_joint_token_is_reconstructed_from_the_mean_of_what_streams_say(changes: dict[str, object]) -> None:
    universal = trained(planted_streams(2000)[0], epochs=2, **changes).dictionary
    together = TogetherDictionary(universal)
    x = planted(100, seed=3).tokens
    u = universal.standardize(x)
    codes = together.encode(u)
    each = [universal.stream_codes(i, x[:, part].contiguous()).dense() for i, part in enumerate(universal.parts)]
    torch.testing.assert_close(codes.dense(), torch.stack(each).mean(dim=0), rtol=1e-4, atol=1e-5)
    raw = together.decode(codes) * universal.scale + universal.origin
    each_output = [universal.decode_common(universal.stream_codes(i, x[:, p])) for i, p in enumerate(universal.parts)]
    torch.testing.assert_close(raw, torch.stack(each_output).mean(dim=0), rtol=1e-3, atol=1e-3)
    if not changes:
        torch.testing.assert_close(together.atoms.norm(dim=1), torch.ones(SPEC["n_concepts"]))
