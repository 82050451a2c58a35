"""Benchmarks on a store's own tokens: a drawn collection read by a small network with random weights."""

from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from store.errors import InvalidInput, NotFound
from store.settings import Settings
from store.specs import ClassRule, CollectionSpec
from tests.worker.bench.small import drawn_collection
from worker.bench.registry import run
from worker.bench.sources import SourceOptions, load_tokens
from worker.models.torchvision_cpu import import_timm
from worker.progress import silent
from worker.reporting import Reporter
from worker.workshop import Workshop


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Any]]:
    """Settings of a store with a collection, and the options that read it."""
    folder = tmp_path_factory.mktemp("place")
    _, photos = drawn_collection(folder)
    settings = Settings(store=folder / "catalogued")
    spec = CollectionSpec(slug="drawn", title="Drawn", classes=ClassRule(by="folder"), held_out=0.25)
    Workshop(settings, Reporter()).ingest(photos, spec)
    net = import_timm().create_model("test_resnet", pretrained=False)
    weights = folder / "weights.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, weights)
    options = {
        "collection": "drawn",
        "model": "timm/test_resnet",
        "weights": weights,
        "layer": "final",
        "height_px": 64,
        "width_px": 96,
    }
    return settings, options


def test_tokens_are_split_as_the_collection_is(place: tuple[Settings, dict[str, Any]]) -> None:
    settings, options = place
    photos = load_tokens(SourceOptions.model_validate(options), settings, silent)
    assert len(photos.train) + len(photos.held_out) == len(photos.tokens) == 24
    assert not set(photos.train.tolist()) & set(photos.held_out.tolist())
    train, held_out = photos.streams
    assert train.n_tokens == len(photos.train) * photos.tokens.shape[1]
    torch.testing.assert_close(train.mean, train.tokens.mean(dim=0), rtol=1e-4, atol=1e-5)
    assert torch.equal(held_out.mean, train.mean)


def test_progress_of_the_extraction_is_passed_on(place: tuple[Settings, dict[str, Any]]) -> None:
    settings, options = place
    told: list[str] = []
    changed = {**options, "height_px": 96}
    load_tokens(SourceOptions.model_validate(changed), settings, lambda *given: told.append(given[2]))
    assert any("extract timm/test_resnet final" in note for note in told)


def test_plausibility_runs_from_photos_to_a_table(place: tuple[Settings, dict[str, Any]]) -> None:
    settings, options = place
    own = {"methods": ["topk"], "sizes": [8], "n_active": 2, "epochs": 1, "batch_tokens": 64}
    result = run("plausibility", settings, options={**options, **own})
    assert result["failures"] == []
    assert [row["method"] for row in result["tables"][0]["rows"]] == ["topk", "null: random directions", "null: tokens"]
    assert result["changed"]["model"] == "timm/test_resnet"


def test_a_layer_before_the_last_has_no_plausibility(place: tuple[Settings, dict[str, Any]]) -> None:
    settings, options = place
    with pytest.raises(InvalidInput, match="layer=final"):
        run("plausibility", settings, options={**options, "layer": "layer3"})


def test_identifiability_runs_from_photos_to_tables(place: tuple[Settings, dict[str, Any]]) -> None:
    settings, options = place
    own = {
        "methods": ["topk"],
        "objects": ["photos"],
        "n_objects": 6,
        "n_collages": 24,
        "n_concepts": 12,
        "n_active": 2,
        "epochs": 1,
        "pooled_epochs": 2,
        "n_draws": 1,
        "width_px": 64,
    }
    result = run("identifiability", settings, options={**options, **own})
    assert result["failures"] == []
    assert len(result["tables"]) == 2
    assert all(0 <= row["auroc"] <= 1 for table in result["tables"] for row in table["rows"])


def test_an_unknown_collection_is_refused(place: tuple[Settings, dict[str, Any]]) -> None:
    settings, options = place
    with pytest.raises(NotFound, match="drawn"):
        run("stability", settings, options={**options, "collection": "drawm"})


@pytest.mark.slow
def test_the_real_model_has_a_head_at_its_last_layer_and_none_before(place: tuple[Settings, dict[str, Any]]) -> None:
    settings, _ = place
    own = {"collection": "drawn", "height_px": 96, "width_px": 128, "methods": ["topk"], "sizes": [16], "n_active": 4}
    result = run("plausibility", settings, options={**own, "epochs": 3, "batch_tokens": 64})
    assert result["failures"] == []
    topk, directions, _ = result["tables"][0]["rows"]
    assert 0 < topk["plausibility"] < 1
    assert topk["plausibility"] != directions["plausibility"]
    with pytest.raises(InvalidInput, match="layer=final"):
        run("plausibility", settings, options={**own, "layer": "blocks.6"})
