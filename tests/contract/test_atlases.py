"""Every method's dictionary becomes an atlas, by the jobs that a person's command runs."""

import pytest
import torch
from safetensors.torch import save_file

from store.artifacts import Artifact, Artifacts
from store.atlas.schema import FILE, SCHEMA
from store.collection import Collection
from store.duck import DuckFile
from store.errors import InvalidInput
from store.methods import AnyDictionarySpec, load_dictionary_spec
from store.specs import AtlasSpec, CollectionSpec, ExtractionSpec
from store.vocabulary import Kind
from tests.factories import draw_photos, make_collection
from tests.worker.dictionaries.planted import SPECS, WIDTH, planted_tokens
from tests.worker.stores import stored_geometry
from worker.activations import ActivationStore
from worker.dictionaries.files import load_dictionary
from worker.dictionaries.registry import METHODS
from worker.jobs.index import IndexInputs, index
from worker.jobs.requests import activations_inputs
from worker.jobs.train import load_facts, train_dictionaries
from worker.shards import shard_name

N_IMAGES, ROWS, COLS = 40, 4, 5


def write_activations(artifacts: Artifacts, collection: Artifact) -> Artifact:
    """Planted patches, a class token and a register token for each image."""
    spec = ExtractionSpec(model="small", layer="conv", images_per_shard=N_IMAGES)
    tokens = planted_tokens(N_IMAGES * ROWS * COLS)[0].reshape(N_IMAGES, ROWS * COLS, WIDTH)
    with artifacts.draft(Kind.ACTIVATIONS, spec, inputs=activations_inputs(collection)) as draft:
        image = torch.arange(N_IMAGES, dtype=torch.int32)
        prefix = torch.stack([tokens.mean(dim=1), tokens.amax(dim=1)], dim=1)
        tensors = {"image": image, "patches": tokens.bfloat16(), "prefix": prefix.bfloat16()}
        save_file(tensors, draft.path / shard_name(0))
        flat = tokens.flatten(0, 1).double()
        moments = {"mean": flat.mean(dim=0), "std": flat.std(dim=0), "n": torch.tensor([len(flat)])}
        save_file(moments, draft.path / "statistics.safetensors")
        geometry = stored_geometry(
            grid=(ROWS, COLS), width=WIDTH, n_class=1, n_register=1, n_images=N_IMAGES, images_per_shard=N_IMAGES
        )
        (draft.path / "geometry.json").write_text(geometry.model_dump_json())
        return artifacts.publish(draft)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifacts, Collection, ActivationStore]:
    artifacts = Artifacts(tmp_path_factory.mktemp("store"))
    photos = draw_photos(N_IMAGES, seed=0, with_classes=True)
    collection = make_collection(artifacts, photos, spec=CollectionSpec(slug="shapes", title="Shapes"))
    return artifacts, Collection(collection), ActivationStore(write_activations(artifacts, collection))


def atlas_of(studio: tuple[Artifacts, Collection, ActivationStore], spec: AnyDictionarySpec) -> Artifact:
    artifacts, collection, activations = studio
    (dictionary,) = train_dictionaries(
        [spec],
        activations,
        collection=collection,
        artifacts=artifacts,
        device=torch.device("cpu"),
        on_progress=lambda *_: None,
    )
    inputs = IndexInputs(
        dictionary=load_dictionary(dictionary.path),
        dictionary_artifact=dictionary,
        activations=activations,
        collection=collection,
        facts=load_facts(dictionary),
    )
    return index(AtlasSpec(n_examples=9), inputs, artifacts, on_progress=lambda *_: None)


def opened(atlas: Artifact) -> DuckFile:
    return DuckFile(atlas.file(FILE), SCHEMA)


def changed(method: str, **changes: object) -> AnyDictionarySpec:
    return load_dictionary_spec(SPECS[method].as_json() | {"epochs": 2} | changes)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_makes_an_atlas(studio: tuple[Artifacts, Collection, ActivationStore], method: str) -> None:
    spec = changed(method)
    atlas = opened(atlas_of(studio, spec))
    (found,) = atlas.rows('SELECT count(*) AS n, max("max") AS largest, count_if(density > 0) AS n_firing FROM concept')
    assert found["n"] == spec.n_concepts
    assert found["largest"] > 0
    assert found["n_firing"] > spec.n_concepts / 4
    (examples,) = atlas.rows("SELECT count(*) AS n FROM example WHERE band = 'top'")
    assert examples["n"] >= found["n_firing"]


def test_a_dictionary_of_class_tokens_shows_whole_images(studio: tuple[Artifacts, Collection, ActivationStore]) -> None:
    atlas = opened(atlas_of(studio, changed("topk", tokens="class")))
    assert atlas.rows("SELECT grid_rows, grid_cols FROM stream") == [{"grid_rows": 1, "grid_cols": 1}]
    (found,) = atlas.rows("SELECT count(DISTINCT image) AS n, max(octet_length(heat)) AS most FROM example")
    assert found["n"] > 5
    assert found["most"] == 1


def test_a_dictionary_of_registers_has_nothing_to_show(studio: tuple[Artifacts, Collection, ActivationStore]) -> None:
    with pytest.raises(InvalidInput, match="register tokens, which stand for no place"):
        atlas_of(studio, changed("topk", tokens="registers"))


def test_a_dictionary_of_all_tokens_shows_patches(studio: tuple[Artifacts, Collection, ActivationStore]) -> None:
    atlas = opened(atlas_of(studio, changed("topk", tokens="all")))
    assert atlas.rows("SELECT grid_rows, grid_cols FROM stream") == [{"grid_rows": ROWS, "grid_cols": COLS}]
