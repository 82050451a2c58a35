"""Concept consistency against a twin that matches by hand, and what it says of dictionaries that are known."""

from itertools import permutations

import pytest
import torch
from torch.nn import functional

from store.universal import UniversalSpec
from tests.worker.universal.planted import SPEC, WIDTHS, planted_streams, trained
from worker.universal.consistency import SAME_ABOVE, consistency, found_again
from worker.universal.pairing import parts_of
from worker.universal.references import independent_spec, train_alone


def test_the_matching_has_the_largest_sum_of_cosines() -> None:
    wanted, atoms = (functional.normalize(torch.randn(n, 3), dim=1) for n in (4, 6))
    cosines = (wanted @ atoms.t()).tolist()
    best = max(permutations(range(6), 4), key=lambda order: sum(cosines[k][j] for k, j in enumerate(order)))
    expected = sum(cosines[k][j] > SAME_ABOVE for k, j in enumerate(best)) / 4
    assert found_again(wanted, atoms) == pytest.approx(expected)


def test_shares_are_of_the_wanted_concepts() -> None:
    wanted = torch.eye(4)
    assert found_again(wanted, wanted[[2, 0]]) == 0.5
    assert found_again(wanted, -wanted) == 0.0


@pytest.mark.slow
def test_planted_concepts_are_those_of_either_stream_alone() -> None:
    stream, held_out = planted_streams(4000)
    spec = UniversalSpec.model_validate(SPEC)
    alone = train_alone(independent_spec(spec, n_concepts=60), stream, held_out, parts=parts_of(WIDTHS))
    found = consistency(trained(stream).dictionary, alone)
    assert min(found.shares) > 0.8
    assert max(found.permuted) < 0.5
