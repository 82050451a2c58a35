"""From activations to a published universal dictionary, and found again."""

import json
from pathlib import Path

import pytest
import torch

from store.artifacts import Artifacts
from store.errors import InvalidInput, NotFound
from store.metrics import METRICS
from store.streams import parse_streams
from store.universal import UniversalSpec
from store.vocabulary import Fit, Kind
from tests.worker.bench.small import drawn_collection
from tests.worker.universal.streams import write_stream
from worker.cli.universal import spec_of
from worker.jobs.universal import build_universal
from worker.universal.files import load_universal

SPEC = UniversalSpec(n_concepts=16, n_active=3, epochs=2, batch_tokens=32)


def test_a_universal_dictionary_is_published_and_found_again(tmp_path: Path) -> None:
    collection = drawn_collection(tmp_path)[0]
    n_images = len(collection.images)
    artifacts = Artifacts(tmp_path / "store")
    stores = [
        write_stream(tmp_path / "store", collection, model="vit", grid=(4, 6), width=7, n_images=n_images),
        write_stream(tmp_path / "store", collection, model="cnn", grid=(2, 3), width=5, n_images=n_images),
    ]
    notes: list[str] = []
    built = [
        build_universal(
            SPEC,
            stores,
            collection=collection,
            artifacts=artifacts,
            device=torch.device("cpu"),
            on_progress=lambda _done, _total, note: notes.append(note),
        )
        for _ in range(2)
    ]
    assert built[0].digest == built[1].digest
    assert built[0].kind is Kind.UNIVERSAL
    assert sorted(built[0].manifest.inputs) == ["activations-0", "activations-1", "collection"]
    universal, facts = load_universal(built[0].folder())
    assert universal.widths == (7, 5)
    assert [stream.model for stream in facts.streams] == ["vit", "cnn"]
    assert (facts.grid.rows, facts.grid.cols) == (2, 3)
    metrics = json.loads(built[0].file("metrics.json").read_text())
    assert set(metrics) <= METRICS.keys()
    assert "own_r2_independent" in metrics
    streams = json.loads(built[0].file("streams.json").read_text())
    assert streams["names"] == ["vit:conv", "cnn:conv"]
    assert len(streams["cross_r2"]) == len(streams["cross_r2"][0]) == 2
    assert len(json.loads(built[0].file("history.json").read_text())) == SPEC.epochs


def test_streams_on_the_command_line() -> None:
    found = parse_streams("timm/vit:small:blocks.3@64x96, cnn:last", fit=Fit.COVER)[0]
    assert (found.model, found.layer, found.height_px, found.width_px) == ("timm/vit:small", "blocks.3", 64, 96)
    for wrong in ("mobilenet-v2", ":x", "a:b@64"):
        with pytest.raises(InvalidInput, match="for example"):
            parse_streams(wrong, fit=Fit.COVER)


def test_fields_on_the_command_line() -> None:
    assert spec_of({"n_concepts": 64}, ["choice=shared", "lr=0.1"]).choice == "shared"
    with pytest.raises(NotFound, match="choice"):
        spec_of({}, ["choise=shared"])
