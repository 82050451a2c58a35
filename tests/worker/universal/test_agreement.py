"""The loss that holds streams to agree: its value against a slow twin, and what it does to planted streams."""

import pytest
import torch

from tests.worker.universal.planted import planted, planted_streams, trained
from worker.dictionaries.kernels import PairIndex
from worker.dictionaries.learned import Moment
from worker.dictionaries.pairs import Pairs
from worker.universal.crossing import cross_r2, off_diagonal
from worker.universal.dictionary import UniversalDictionary
from worker.universal.firing import count_firing, thresholds


def test_disagreement_is_that_of_a_slow_twin() -> None:
    universal = trained(planted_streams(2000)[0], epochs=1).dictionary
    assert isinstance(universal, UniversalDictionary)
    u = universal.standardize(planted(20, seed=5).tokens)
    found = universal._disagreement(u, [as_pairs(universal, stream, u) for stream in range(2)])
    expected = 0.0
    for i, j in ((0, 1), (1, 0)):
        theirs, own = dense_codes(universal, i, u), dense_codes(universal, j, u)
        for token in range(20):
            for k in range(universal.n_concepts):
                if own[token, k] > 0:
                    expected += float(own[token, k] - theirs[token, k]) ** 2
    assert float(found.detach()) == pytest.approx(expected / (u.numel() * 2), rel=1e-4)


def test_only_the_stream_that_follows_gets_a_gradient() -> None:
    universal = trained(planted_streams(2000)[0], epochs=1).dictionary
    u = universal.standardize(planted(20, seed=5).tokens)
    universal.train()
    plain, held = (gradient(universal, u, agreement=agreement) for agreement in (0.0, 1.0))
    assert not torch.equal(plain[0], held[0])
    assert torch.equal(plain[1], held[1])  # atoms have no part in it


@pytest.mark.slow
def test_streams_that_are_held_to_agree_fire_together_more_often() -> None:
    stream, held_out = planted_streams(4000)
    free, held = (trained(stream, together=0.0, agreement=agreement).dictionary for agreement in (0.0, 0.3))
    jaccard = [
        float(count_firing(one, held_out, above=thresholds(one, stream)).jaccard.nanmean()) for one in (free, held)
    ]
    assert jaccard[1] > jaccard[0]
    r2 = [off_diagonal(cross_r2(one, held_out).r2) for one in (free, held)]
    assert r2[1] > r2[0] - 0.02


def dense_codes(universal: UniversalDictionary, stream: int, u: torch.Tensor) -> torch.Tensor:
    weight, bias = universal.stream_encoder(stream)
    pre_codes = u[:, universal.parts[stream]] @ weight.t() + bias
    best = pre_codes.topk(universal.spec.n_active, dim=1)
    return torch.zeros_like(pre_codes).scatter(1, best.indices, best.values.relu())


def as_pairs(universal: UniversalDictionary, stream: int, u: torch.Tensor) -> Pairs:
    codes = dense_codes(universal, stream, u)
    tokens, concepts = codes.nonzero(as_tuple=True)
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), torch.bincount(tokens, minlength=len(u)).cumsum(0)])
    index = PairIndex(starts, concepts, n_concepts=universal.n_concepts)
    return Pairs(index, codes[tokens, concepts])


def gradient(universal: UniversalDictionary, u: torch.Tensor, *, agreement: float) -> tuple[torch.Tensor, torch.Tensor]:
    universal.spec = universal.spec.model_copy(update={"agreement": agreement})
    universal.zero_grad()
    universal.learn(u, universal.make_atoms(), moment=Moment(0, 0.9)).loss.backward()
    encoder, decoder = universal.encoders[0].grad, universal.decoders[0].grad
    assert encoder is not None
    assert decoder is not None
    return encoder.clone(), decoder.clone()
