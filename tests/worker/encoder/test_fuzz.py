"""A few hundred malformed files: each has one answer, nothing is brought down. ``benchmarks.fuzz`` sends thousands."""

import asyncio
import hashlib

import numpy as np
import pytest

from app.encoder import Encoder
from store.encoding.refusals import PhotoRefused, Reason
from tests.encoding import Studio, encoding
from tests.malformed import WAYS, malformed

N = 210


def test_equal_seeds_give_equal_files() -> None:
    one, again, other = (
        [hashlib.sha256(content).digest() for _, content in malformed(30, seed=seed)] for seed in (1, 1, 2)
    )
    assert one == again
    assert sum(np.equal(one, other)) <= 5


@pytest.mark.slow
def test_malformed_files_harm_nobody(studio: Studio) -> None:
    assert len(WAYS) * 14 == N
    with encoding(studio.settings.store, weights=[studio.inputs.weights]) as running:

        async def send() -> dict[str, int]:
            encoder = Encoder(running.settings)
            outcomes: dict[str, int] = {}
            for _, content in malformed(N, seed=3):
                try:
                    await encoder.encode(content, [studio.digest])
                    outcome = "decoded"
                except PhotoRefused as fault:
                    outcome = fault.reason
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
            good = await encoder.encode(studio.photo(0), [studio.digest])
            assert good.streams
            await encoder.close()
            return outcomes

        outcomes = asyncio.run(send())
        assert running.process.poll() is None
    assert sum(outcomes.values()) == N
    assert outcomes.get(Reason.DAMAGED, 0) > 30
    assert outcomes.get(Reason.NOT_AN_IMAGE, 0) > 5
    assert outcomes.get(Reason.TOO_MANY_PIXELS, 0) > 3
