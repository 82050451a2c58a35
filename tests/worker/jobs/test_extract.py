import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.errors import Damaged, InvalidInput, NotFound
from store.specs import CollectionSpec, ExtractionSpec
from store.vocabulary import Fit, Kind, Split
from tests.worker.images.photos import draw, save_photos
from tests.worker.jobs.small_model import SmallModel
from worker import extraction
from worker.activations import ActivationStore
from worker.extraction import Extraction
from worker.images.decode import decode
from worker.images.fit import fit
from worker.jobs.extract import extract
from worker.jobs.ingest import ingest

N_IMAGES = 22


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_photos(tmp_path / "photos", N_IMAGES)
    return tmp_path / "photos"


@pytest.fixture
def collection(folder: Path, artifacts: Artifacts) -> Collection:
    return Collection(ingest(folder, CollectionSpec(slug="photos", title="Photos", held_out=0.3), artifacts))


def spec_with(**changes: Any) -> ExtractionSpec:
    return ExtractionSpec(**{"model": "small", "layer": "conv", "images_per_shard": 5, **changes})


@pytest.fixture
def run(folder: Path, collection: Collection, artifacts: Artifacts) -> Callable[..., Artifact]:
    def run(model: SmallModel | None = None, **changes: Any) -> Artifact:
        given = {name: changes.pop(name) for name in ("on_progress", "parts") if name in changes}
        home, place = changes.pop("artifacts", artifacts), changes.pop("folder", folder)
        task = Extraction(spec_with(**changes), model or SmallModel(), collection, place, torch.device("cpu"))
        return extract(task, home, **given)

    return run


def slow_tokens(folder: Path, collection: Collection, **changes: Any) -> list[torch.Tensor]:
    """Image by image, with nothing of the job: [h w d] in float32."""
    model, spec = SmallModel(), spec_with(**changes)
    window = model.window(spec.height_px, spec.width_px, fit=spec.fit)
    tokens = []
    for row in collection.images:
        picture = fit(decode(folder / row.source), window, "bilinear").astype(np.float64) / 255
        x = torch.tensor((picture - 0.5) / 0.25, dtype=torch.float32).permute(2, 0, 1)[None]
        tokens.append(model.activations(x, "conv").patches[0])
    return tokens


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("fit_by", Fit)
def test_shards_hold_every_image_in_order(
    run: Callable[..., Artifact], folder: Path, collection: Collection, dtype: str, fit_by: Fit
) -> None:
    changes = {"dtype": dtype, "fit": fit_by, "height_px": 24, "width_px": 40}
    artifact = run(**changes)
    assert sorted(artifact.manifest.files) == sorted(
        [f"shard-{i:05d}.safetensors" for i in range(5)] + ["geometry.json", "statistics.safetensors"]
    )
    shards = [load_file(artifact.file(f"shard-{i:05d}.safetensors")) for i in range(5)]
    assert [len(shard["image"]) for shard in shards] == [5, 5, 5, 5, 2]
    assert torch.cat([shard["image"] for shard in shards]).tolist() == list(range(N_IMAGES))
    patches = torch.cat([shard["patches"] for shard in shards])
    assert patches.dtype == getattr(torch, dtype)
    assert patches.shape == (N_IMAGES, 15, 6)
    expected = torch.stack(slow_tokens(folder, collection, **changes)).flatten(1, 2)
    assert torch.allclose(patches.float(), expected, rtol=2**-7, atol=2e-3)
    prefix = torch.cat([shard["prefix"] for shard in shards])
    assert torch.allclose(prefix[:, 0].float(), expected.mean(1), rtol=2**-7, atol=2e-3)


def test_statistics_are_those_of_the_training_patches(run: Callable[..., Artifact], collection: Collection) -> None:
    artifact = run()
    train = {row.image for row in collection.images if row.split is Split.TRAIN}
    assert 0 < len(train) < N_IMAGES
    rows = [
        patch.double().numpy()
        for shard in ActivationStore(artifact).shards()
        for image, patches in zip(shard.images.tolist(), shard.patches, strict=True)
        if image in train
        for patch in patches
    ]
    statistics = load_file(artifact.file("statistics.safetensors"))
    assert statistics["n"].tolist() == [len(rows)]
    mean = sum(rows) / len(rows)
    std = np.sqrt(sum((row - mean) ** 2 for row in rows) / len(rows))
    assert np.allclose(statistics["mean"].numpy(), mean, rtol=1e-12)
    assert np.allclose(statistics["std"].numpy(), std, rtol=1e-12)


def test_geometry_says_what_the_model_saw(run: Callable[..., Artifact]) -> None:
    store = ActivationStore(run(height_px=24, width_px=40))
    assert store.stored.model_dump(mode="json") == {
        "model": "small",
        "layer": "conv",
        "weights_sha256": "0" * 64,
        "grid_rows": 3,
        "grid_cols": 5,
        "width": 6,
        "n_class": 1,
        "n_register": 0,
        "height_px": 24,
        "width_px": 40,
        "fit": "crop",
        "crop_ratio": 0.875,
        "dtype": "bfloat16",
        "n_images": N_IMAGES,
        "images_per_shard": 5,
    }
    assert store.window == SmallModel().window(24, 40)
    assert store.geometry == SmallModel().geometry("conv", store.window)


def test_the_same_request_is_answered_once(run: Callable[..., Artifact]) -> None:
    first, model = run(), SmallModel()
    assert run(model).digest == first.digest
    assert model.n_seen == 0


def test_equal_requests_give_equal_digests(run: Callable[..., Artifact], tmp_path: Path) -> None:
    assert run().digest == run(artifacts=Artifacts(tmp_path / "other")).digest


@pytest.mark.parametrize("stop_after", [0, 5, 8, 13, 20])
def test_interrupted_it_goes_on_and_gives_the_same_bits(
    run: Callable[..., Artifact], artifacts: Artifacts, tmp_path: Path, stop_after: int
) -> None:
    whole = run(artifacts=Artifacts(tmp_path / "other"))
    model = SmallModel()
    model.stop_after = stop_after
    with pytest.raises(KeyboardInterrupt):
        run(model)
    assert artifacts.list(Kind.ACTIVATIONS) == []
    second, reports = SmallModel(), []
    resumed = run(second, on_progress=lambda *report: reports.append(report))
    assert resumed.digest == whole.digest
    assert second.n_seen == N_IMAGES - model.n_seen // 5 * 5, "whole shards are kept"
    assert [report[0] for report in reports] == sorted(report[0] for report in reports)
    assert reports[-1][:2] == (N_IMAGES, N_IMAGES)
    assert not [path for path in resumed.path.iterdir() if path.name.startswith(".")]


def test_interrupted_before_publishing_it_computes_nothing_again(run: Callable[..., Artifact]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Artifacts, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run()
    model = SmallModel()
    run(model).verify()
    assert model.n_seen == 0


@pytest.mark.parametrize("harm", ["garble", "cut", "no sum", "another version"])
def test_a_harmed_shard_of_an_earlier_run_is_made_again(
    run: Callable[..., Artifact], artifacts: Artifacts, tmp_path: Path, harm: str
) -> None:
    whole, model = run(artifacts=Artifacts(tmp_path / "other")), SmallModel()
    model.stop_after = 10
    with pytest.raises(KeyboardInterrupt):
        run(model)
    shard = next((artifacts.root / "activations" / ".drafts").glob("*/shard-00001.safetensors"))
    content = bytearray(shard.read_bytes())
    content[-3] ^= 1
    if harm == "no sum":
        shard.with_name(f".{shard.name}.sha256").unlink()
    elif harm == "another version":
        (shard.parent / ".made-by").write_text("0.0.1")
    else:
        shard.write_bytes(content if harm == "garble" else content[:100])
    second = SmallModel()
    assert run(second).digest == whole.digest
    assert second.n_seen == N_IMAGES - (0 if harm == "another version" else 5)


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_photo_that_is_not_what_was_ingested_is_named(
    run: Callable[..., Artifact], artifacts: Artifacts, folder: Path, harm: str
) -> None:
    photo = folder / "photo-07.png"
    kept = photo.read_bytes()
    if harm == "gone":
        photo.unlink()
    else:
        draw(77).save(photo)
    message = "missing" if harm == "gone" else "has changed since it was ingested"
    with pytest.raises(Damaged, match=rf"photo-07\.png'.*{message}.*ingest '.*' again"):
        run()
    assert artifacts.list(Kind.ACTIVATIONS) == []
    photo.write_bytes(kept)
    run().verify()


def test_another_folder_with_the_same_photos_serves_as_well(
    run: Callable[..., Artifact], folder: Path, tmp_path: Path
) -> None:
    here = run()
    moved = folder.rename(tmp_path / "moved")
    assert run(folder=moved, artifacts=Artifacts(tmp_path / "other")).digest == here.digest


def test_values_that_are_no_numbers_name_model_layer_and_photo(run: Callable[..., Artifact]) -> None:
    with pytest.raises(InvalidInput, match=r"small at layer 'broken' .* no numbers for the photo 'photo-02\.png'"):
        run(layer="broken")


def test_values_above_float16_ask_for_bfloat16(run: Callable[..., Artifact]) -> None:
    with pytest.raises(InvalidInput, match=r"above the 65504 of float16: use bfloat16"):
        run(layer="loud", dtype="float16")
    run(layer="loud").verify()


def test_an_unknown_layer_lists_the_near_ones(run: Callable[..., Artifact]) -> None:
    with pytest.raises(NotFound, match=r"No layer of small named .convv.*conv"):
        run(layer="convv")


def test_decoding_runs_ahead_of_the_model_but_not_over_the_whole_collection(
    run: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "_BATCH", {"cpu": 2})
    loaded, lead, model = [], [], SmallModel()
    load, look = Extraction._load, model.activations
    monkeypatch.setattr(Extraction, "_load", lambda self, row: loaded.append(row.image) or load(self, row))

    def watch(images: torch.Tensor, layer: str) -> Any:
        lead.append(len(loaded) - model.n_seen)
        return look(images, layer)

    monkeypatch.setattr(model, "activations", watch)
    run(model)
    assert max(lead) > 2, "photos of later batches are loaded already"
    assert max(lead) <= 2 + 4 * 2 + (os.cpu_count() or 1)
