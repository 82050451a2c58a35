"""The effects benchmark on planted photos, before a head whose classes are the planted atoms."""

import torch
from torch import Tensor

from store.grid import Grid, Window
from tests.worker.bench.small import planted_photos
from tests.worker.dictionaries.planted import COMMON, planted_tokens
from tests.worker.effects.scenes import BentModel
from worker.bench.effects import EffectsOptions, Scene, layers_of, measure
from worker.bench.results import Outcome
from worker.bench.trials import Steps
from worker.models.base import LinearHead
from worker.progress import silent

OPTIONS = EffectsOptions(
    methods=("topk",), beside=("early",), n_photos=6, n_removed=2, n_draws=4, class_images=2,
    **COMMON | {"n_concepts": 24, "epochs": 10, "dead_after_tokens": 300},
)  # fmt: skip


class AtomsModel(BentModel):
    """Its classes are the planted atoms."""

    class_names = tuple(f"atom {index}" for index in range(16))

    def __post_init__(self) -> None:
        super().__post_init__()
        atoms = planted_tokens()[1]
        weight = 4 * atoms
        self.head = LinearHead(weight, -weight @ planted_photos().tokens.mean((0, 1)))

    def _bend(self, x: Tensor) -> Tensor:
        return x + 0.1 * torch.tanh(x - 10)


def scene(layer: str) -> Scene:
    photos = planted_photos()
    names, groups = [f"{i}.png" for i in range(60)], ["a" if i % 2 else "b" for i in range(60)]
    return Scene(AtomsModel(), layer, Window(32, 40), Grid(4, 5), photos, names, groups)


def test_deleting_the_concepts_behind_a_class_does_more_than_deleting_others() -> None:
    outcome = Outcome()
    for layer in layers_of(OPTIONS):
        measure(scene(layer), OPTIONS, outcome, Steps(silent, 2))
    assert outcome.failures == []
    methods, areas, photos, early = outcome.tables
    for table in (methods, early):
        (row,) = table.rows
        assert row["drop"] > 3 * max(abs(row["alike"]), abs(row["elsewhere"]))
        assert 0 <= row["same_top"] <= 1
        assert row["r2"] > 0.8
    assert methods.rows[0]["gap"] < 1e-9 < early.rows[0]["gap"]
    (row,) = areas.rows
    assert row["deletion_most"] < row["deletion_random"] < row["deletion_least"]
    assert row["insertion_most"] > row["insertion_random"] > row["insertion_least"]
    assert row["n_classes"] > 1
    assert len(photos.rows) == 6
    (bar,) = outcome.bars
    assert bar.met
    assert all(row["after"] < row["before"] for row in photos.rows)
