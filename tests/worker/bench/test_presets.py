"""The presets benchmark on planted photos, with small sizes in place of the presets' own."""

import pytest

from store.errors import NotFound
from store.presets import PRESETS
from tests.worker.bench.small import planted_photos
from tests.worker.dictionaries.planted import COMMON
from worker.bench.presets import PresetsOptions, _contenders, measure
from worker.progress import silent

SIZES = COMMON | {"epochs": 8, "lr": 2e-2, "dead_after_tokens": 300}


def test_presets_are_judged_on_held_out_photos() -> None:
    options = PresetsOptions(methods=("topk", "pca-small"), **SIZES)
    outcome = measure(_contenders(options), planted_photos(), options=options, on_progress=silent)
    assert outcome.failures == []
    (table,) = outcome.tables
    topk, pca = table.rows
    assert (topk["preset"], pca["preset"]) == ("topk-small", "pca-small")
    assert topk["r2"] > pca["r2"] > 0.3
    assert 2.5 < topk["l0"] <= 3
    assert 0 <= topk["dead"] < 0.2
    assert topk["seconds"] > 0
    assert table.title == "900 training and 300 held-out tokens, 24 wide"


def test_every_small_preset_takes_part_as_it_is_shipped() -> None:
    found = {one.name: one.spec for one in _contenders(PresetsOptions())}
    assert found == {preset.name: preset.spec for preset in PRESETS if preset.name.endswith("-small")}


def test_what_is_no_small_preset_is_named() -> None:
    with pytest.raises(NotFound, match="small preset named 'topc-small'.*topk-small"):
        _contenders(PresetsOptions(methods=("topc",)))
