"""Activations that are made anew when they are read, against those that an extraction stored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.errors import Damaged, InvalidInput
from store.methods import TopKSpec
from store.specs import CollectionSpec, ExtractionSpec
from store.vocabulary import Kind, Split, Tokens
from tests.worker.images.photos import draw, save_photos
from tests.worker.jobs.small_model import SmallModel
from worker import extraction as module
from worker.activations import MEMORY_BYTES, ActivationStore
from worker.extraction import Extraction, open_live
from worker.jobs.extract import extract
from worker.jobs.ingest import ingest
from worker.jobs.train import train_dictionaries
from worker.shards import KeptShards
from worker.training import loop
from worker.training.loop import train

N_IMAGES, PER_SHARD, PATCHES = 22, 5, 16
ALL_TOKENS = N_IMAGES * (PATCHES + 1) * SmallModel.width * 2  # bytes
TRAINED = TopKSpec(n_concepts=12, n_active=2, epochs=2, batch_tokens=32)


class Studio(NamedTuple):
    folder: Path
    artifacts: Artifacts
    collection: Collection

    def extracted(self, *, stored: bool, model: SmallModel | None = None, **changes: Any) -> Artifact:
        spec = spec_of(stored=stored, **changes)
        task = Extraction(spec, model or SmallModel(), self.collection, self.folder, torch.device("cpu"))
        return extract(task, self.artifacts)

    def live(
        self, model: SmallModel | None = None, *, memory_bytes: int = MEMORY_BYTES, **changes: Any
    ) -> ActivationStore:
        artifact = self.extracted(stored=False, **changes)
        spec = spec_of(stored=False, **changes)
        made = Extraction(spec, model or SmallModel(), self.collection, self.folder, torch.device("cpu"))
        return open_live(artifact, made, memory_bytes=memory_bytes)


def spec_of(*, stored: bool, **changes: Any) -> ExtractionSpec:
    return ExtractionSpec(
        **{"model": "small", "layer": "conv", "images_per_shard": PER_SHARD, **changes}, stored=stored
    )


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    save_photos(tmp_path / "photos", N_IMAGES)
    artifacts = Artifacts(tmp_path / "store")
    spec = CollectionSpec(slug="photos", title="Photos", held_out=0.3)
    return Studio(tmp_path / "photos", artifacts, Collection(ingest(tmp_path / "photos", spec, artifacts)))


@pytest.mark.parametrize("memory_bytes", [0, MEMORY_BYTES])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_shards_made_anew_have_the_bits_of_stored_ones(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, dtype: str, memory_bytes: int
) -> None:
    monkeypatch.setattr(module, "_BATCH", {"cpu": 3})
    stored = ActivationStore(studio.extracted(stored=True, dtype=dtype))
    live = studio.live(memory_bytes=memory_bytes, dtype=dtype)
    assert (live.stored, live.mean.tolist(), live.std.tolist()) == (
        stored.stored,
        stored.mean.tolist(),
        stored.std.tolist(),
    )
    for order in (range(5), (3, 0, 4), (2,)):
        for one, other in zip(live.read(order), stored.read(order), strict=True):
            for made, kept in zip(one, other, strict=True):
                assert made.dtype == kept.dtype
                assert torch.equal(made, kept)


def test_only_statistics_and_geometry_are_published(studio: Studio) -> None:
    live, stored = studio.extracted(stored=False), studio.extracted(stored=True)
    assert set(live.manifest.files) == {"geometry.json", "statistics.safetensors"}
    assert {path.name for path in live.path.iterdir()} == {*live.manifest.files, "manifest.json"}
    assert all(live.manifest.files[name] == stored.manifest.files[name] for name in live.manifest.files)
    with pytest.raises(InvalidInput, match="not stored.*model and the photos"):
        ActivationStore(live)


def test_interrupted_statistics_go_on_and_give_the_same_bits(studio: Studio, tmp_path: Path) -> None:
    model = SmallModel()
    model.stop_after = 13
    with pytest.raises(KeyboardInterrupt):
        studio.extracted(stored=False, model=model)
    second = SmallModel()
    resumed = studio.extracted(stored=False, model=second)
    assert second.n_seen == N_IMAGES - model.n_seen // PER_SHARD * PER_SHARD, "whole shards are kept"
    assert resumed.digest == studio._replace(artifacts=Artifacts(tmp_path / "other")).extracted(stored=False).digest


@pytest.mark.parametrize("tokens", ["patches", "class", "all"])
@pytest.mark.parametrize(("kept_bytes", "stream_bytes"), [(MEMORY_BYTES, 2**20), (0, 2**20), (0, 1)])
def test_streams_of_both_sources_are_equal(studio: Studio, tokens: str, kept_bytes: int, stream_bytes: int) -> None:
    stored, live = ActivationStore(studio.extracted(stored=True)), studio.live(memory_bytes=kept_bytes)
    one, other = (
        store.stream([1, 2, 7, 8, 20], tokens=Tokens(tokens), memory_bytes=stream_bytes) for store in (stored, live)
    )
    assert torch.equal(one.mean, other.mean)
    assert torch.equal(one.std, other.std)
    for epoch in range(2):
        batches = [list(stream.batches(7, seed=3, epoch=epoch)) for stream in (one, other)]
        assert all(torch.equal(a, b) for a, b in zip(*batches, strict=True))


def test_what_fits_the_memory_is_made_once(studio: Studio) -> None:
    model = SmallModel()
    live = studio.live(model, memory_bytes=ALL_TOKENS)
    stream, held_out = (live.stream(studio.collection.split_images(split)) for split in Split)
    train(TRAINED, stream, held_out=held_out)
    assert len(list(live.shards())) == 5
    assert model.n_seen == N_IMAGES
    kept = live.kept([])
    assert kept is not None
    assert stream._held[0].data_ptr() == kept[:, 1:].data_ptr(), "the stream keeps no copy"


def test_reading_what_is_kept_tells_how_far_it_is(studio: Studio) -> None:
    live = studio.live()
    told: list[tuple[int, int, str]] = []
    kept = KeptShards(live._source, live.stored, on_progress=lambda *report: told.append(report))
    for _ in range(2):
        assert len(list(kept.shards([4, 0, 1, 2, 3]))) == 5
    assert told == [(min(done, 22), 22, "images: read anew by small") for done in (5, 10, 15, 20, 25)]


def test_what_does_not_fit_is_made_again_each_epoch(studio: Studio) -> None:
    model = SmallModel()
    live = studio.live(model, memory_bytes=ALL_TOKENS - 1)
    assert live.kept([]) is None
    stream = live.stream(range(N_IMAGES), memory_bytes=1)
    for epoch in range(3):
        assert sum(map(len, stream.batches(16, seed=0, epoch=epoch))) == stream.n_tokens
        assert model.n_seen == N_IMAGES * (epoch + 1)


def test_an_epoch_that_does_not_fit_holds_few_tokens(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", {"cpu": 2})
    model = SmallModel()
    live = studio.live(model, memory_bytes=0)
    batches = live.stream(range(N_IMAGES), memory_bytes=1).batches(8, seed=0, epoch=0)
    taken = 0
    for batch in batches:
        taken += len(batch)
        assert model.n_seen * PATCHES - taken <= (2 * PER_SHARD + 2) * PATCHES


def test_photos_of_the_next_shard_are_read_while_the_model_works(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", {"cpu": 2})
    live = studio.live(memory_bytes=0)
    loaded: list[int] = []
    load = Extraction._load
    monkeypatch.setattr(Extraction, "_load", lambda self, row: loaded.append(row.image) or load(self, row))
    shards = live.read(range(5))
    next(shards)
    assert PER_SHARD < len(loaded) < N_IMAGES
    shards.close()


@pytest.mark.parametrize("memory_bytes", [0, MEMORY_BYTES])
def test_a_dictionary_becomes_the_same_from_either_source(studio: Studio, tmp_path: Path, memory_bytes: int) -> None:
    def files(store: ActivationStore, artifacts: Artifacts) -> dict[str, str]:
        (made,) = train_dictionaries(
            [TRAINED],
            store,
            collection=studio.collection,
            artifacts=artifacts,
            device=torch.device("cpu"),
            on_progress=lambda *_: None,
        )
        return {name: entry.sha256 for name, entry in made.manifest.files.items()}

    stored = files(ActivationStore(studio.extracted(stored=True)), studio.artifacts)
    live = files(studio.live(memory_bytes=memory_bytes), Artifacts(tmp_path / "other"))
    assert live == stored
    assert {"weights.safetensors", "metrics.json", "history.json"} <= set(live)


def test_beyond_the_memory_a_dictionary_becomes_the_same_too(studio: Studio) -> None:
    states = []
    for store in (ActivationStore(studio.extracted(stored=True)), studio.live(memory_bytes=0)):
        stream = store.stream(studio.collection.split_images(Split.TRAIN), memory_bytes=1)
        states.append(train(TRAINED, stream).dictionary.state_dict())
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def lose(folder: Path, _: SmallModel) -> None:
    (folder / "photo-17.png").unlink()


def redraw(folder: Path, _: SmallModel) -> None:
    draw(77).save(folder / "photo-17.png")


def spoil(_: Path, model: SmallModel) -> None:
    model.conv.weight[2] = torch.nan


@pytest.mark.parametrize(
    ("harm", "fault", "told"),
    [
        (lose, Damaged, r"photo-17\.png' of the collection is missing.*ingest"),
        (redraw, Damaged, r"photo-17\.png'.*has changed since it was ingested.*ingest"),
        (spoil, InvalidInput, r"small at layer 'conv' gives values that are no numbers for the photo 'photo-"),
    ],
)
def test_what_goes_wrong_while_training_is_named(
    studio: Studio,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path, SmallModel], None],
    fault: type[Exception],
    told: str,
) -> None:
    monkeypatch.setattr(loop, "_REPORT_S", 0)
    model = SmallModel()
    stream = studio.live(model, memory_bytes=0).stream(range(N_IMAGES), memory_bytes=1)

    harmed: list[int] = []

    def harm_it(progress: Any) -> None:
        if progress.tokens_done and not harmed:
            harmed.append(progress.tokens_done)
            harm(studio.folder, model)

    with pytest.raises(fault, match=told):
        train(TRAINED.model_copy(update={"epochs": 9}), stream, on_progress=harm_it)


def test_other_weights_than_those_of_the_statistics_are_refused(studio: Studio) -> None:
    model = SmallModel()
    model.weights_sha256 = "1" * 64
    with pytest.raises(Damaged, match=rf"weights_sha256 {'0' * 64}, but small has {'1' * 64} now.*--rebuild"):
        studio.live(model)


def test_the_choice_does_not_rename_stored_activations() -> None:
    usual = ExtractionSpec(model="small", layer="conv")
    assert "stored" not in usual.as_json()
    live = usual.model_copy(update={"stored": False})
    assert live.as_json()["stored"] is False
    assert live.digest != usual.digest
    assert all(ExtractionSpec.model_validate(spec.as_json()) == spec for spec in (usual, live))


def test_memory_for_all_shards(studio: Studio) -> None:
    assert KeptShards.n_bytes(studio.live().stored) == ALL_TOKENS
    assert len(studio.artifacts.list(Kind.ACTIVATIONS)) == 1
