"""The plausibility benchmark against heads whose classes are the planted atoms, and heads that know nothing of them."""

import torch

from tests.worker.dictionaries.planted import planted_streams, planted_tokens
from worker.bench.plausibility import PlausibilityOptions, measure
from worker.models.base import LinearHead
from worker.progress import silent

SMALL = PlausibilityOptions(
    methods=("topk",),
    sizes=(16, 20),
    n_active=3,
    epochs=10,
    batch_tokens=128,
    lr=1e-2,
    dead_after_tokens=600,
)


def test_atoms_that_are_the_heads_classes_beat_both_references() -> None:
    atoms = planted_tokens()[1]
    head = LinearHead(5 * atoms, torch.zeros(len(atoms)))
    outcome = measure(SMALL, *planted_streams(), head=head, on_progress=silent)
    assert outcome.failures == []
    assert len(outcome.tables) == 2
    for table in outcome.tables:
        scores = {row["method"]: row for row in table.rows}
        topk = scores["topk"]
        for null in ("null: random directions", "null: tokens"):
            assert topk["plausibility_uncentred"] > scores[null]["plausibility_uncentred"] + 0.1
            assert topk["plausibility"] > scores[null]["plausibility"]
        assert topk["plausibility_uncentred"] > 0.85
        assert 2.5 < topk["l0"] <= 3
    assert set(outcome.specs) == {"topk, 16 concepts", "topk, 20 concepts"}


def test_a_head_of_random_classes_is_matched_by_random_directions() -> None:
    """What rises with the number of concepts by chance alone shows in the reference beside it."""
    generator = torch.Generator().manual_seed(5)
    head = LinearHead(torch.randn(40, 24, generator=generator), torch.zeros(40))
    options = SMALL.model_copy(update={"sizes": (16,)})
    (table,) = measure(options, *planted_streams(), head=head, on_progress=silent).tables
    scores = {row["method"]: row["plausibility_uncentred"] for row in table.rows}
    assert abs(scores["topk"] - scores["null: random directions"]) < 0.08
