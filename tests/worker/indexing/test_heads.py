"""An atlas with an exact head tells what each predicted class is made of, as counted image by image."""

import math

import numpy as np
import pytest
import torch

from store.artifacts import Artifacts
from store.atlas.reader import Atlas
from store.collection import Collection
from store.errors import NotFound
from store.specs import AtlasSpec, CollectionSpec
from tests.contract.test_atlases import write_activations
from tests.factories import draw_photos, make_collection
from tests.worker.dictionaries.planted import N_CONCEPTS, SPECS, WIDTH
from tests.worker.effects.scenes import some
from worker.activations import ActivationStore
from worker.dictionaries.base import Dictionary
from worker.dictionaries.files import load_dictionary
from worker.indexing.heads import outputs_of
from worker.jobs.index import IndexInputs, index
from worker.jobs.train import load_facts, train_dictionaries
from worker.models.base import LinearHead

N_CLASSES = 6


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifacts, Collection, ActivationStore]:
    artifacts = Artifacts(tmp_path_factory.mktemp("store"))
    photos = draw_photos(40, seed=0, with_classes=True)
    collection = make_collection(artifacts, photos, spec=CollectionSpec(slug="shapes", title="Shapes"))
    return artifacts, Collection(collection), ActivationStore(write_activations(artifacts, collection))


def head(names: tuple[str, ...] | None, mean: torch.Tensor) -> LinearHead:
    weight = some(N_CLASSES, WIDTH, seed=5)
    return LinearHead(weight, -weight @ mean, names)  # so that several classes are predicted


def made(
    studio: tuple[Artifacts, Collection, ActivationStore], *, with_head: bool, seed: int = 0
) -> tuple[Atlas, Dictionary, LinearHead]:
    artifacts, collection, activations = studio
    spec = type(SPECS["topk"]).model_validate(SPECS["topk"].as_json() | {"epochs": 2})
    (found,) = train_dictionaries(
        [spec], activations, collection=collection, artifacts=artifacts,
        device=torch.device("cpu"), on_progress=lambda *_: None,
    )  # fmt: skip
    names = ("Red Circle", *(f"class {i}" for i in range(1, N_CLASSES)))
    groups = sorted({row.class_name for row in collection.images if row.class_name})
    exact = head((groups[0].upper(), *names[1:]), activations.mean)
    dictionary = load_dictionary(found.path)
    inputs = IndexInputs(dictionary, found, activations, collection, load_facts(found), exact if with_head else None)
    return (
        Atlas(index(AtlasSpec(n_examples=9, seed=seed), inputs, artifacts, on_progress=lambda *_: None)),
        dictionary,
        exact,
    )


@pytest.fixture(scope="module")
def atlas(studio: tuple[Artifacts, Collection, ActivationStore]) -> tuple[Atlas, Dictionary, LinearHead]:
    return made(studio, with_head=True)


def test_predicted_classes_equal_counting(
    studio: tuple[Artifacts, Collection, ActivationStore], atlas: tuple[Atlas, Dictionary, LinearHead]
) -> None:
    found, dictionary, exact = atlas
    patches = next(studio[2].shards()).patches
    predicted: dict[int, list[torch.Tensor]] = {}
    for x in patches:
        logits = exact.weight.double() @ x.double().mean(dim=0) + exact.bias.double()
        predicted.setdefault(int(logits.argmax()), []).append(x)
    assert {row["output"]: row["n_images"] for row in found.head_classes()} == {
        output: len(some_) for output, some_ in predicted.items() if len(some_) >= 2
    }
    assert len(found.head_classes()) >= 2
    slopes = (dictionary.atoms.double() @ exact.weight.double().T).numpy()
    for row in found.head_classes():
        output, of_class = row["output"], predicted[row["output"]]
        pooled = np.stack([dictionary.encode(x).dense().double().mean(dim=0).numpy() for x in of_class])
        given = pooled * slopes[:, output]
        against = (pooled * (slopes[:, output] - slopes.mean(axis=1))[None]).mean(axis=0)
        rows = found.head_concepts(output)
        assert {r["concept"] for r in rows} == set(np.flatnonzero(pooled.any(axis=0)).tolist())
        assert [r["contrast"] for r in rows] == sorted((r["contrast"] for r in rows), reverse=True)
        for r in rows:
            k = r["concept"]
            assert r["importance"] == pytest.approx(given[:, k].mean(), abs=1e-5)
            assert r["standard_error"] == pytest.approx(given[:, k].std(ddof=1) / math.sqrt(len(given)), abs=1e-5)
            assert r["contrast"] == pytest.approx(against[k], abs=1e-5)
        whole = row["bias"] + row["residual"] + sum(r["importance"] for r in rows)
        assert whole == pytest.approx(row["logit"], abs=1e-6)
        assert found.head_class(output) == row
        assert row["name"] == (exact.class_names or ())[output]


def test_the_images_of_a_predicted_class_and_their_groups_equal_counting(
    studio: tuple[Artifacts, Collection, ActivationStore], atlas: tuple[Atlas, Dictionary, LinearHead]
) -> None:
    found, _, exact = atlas
    logits = next(studio[2].shards()).patches.double().mean(dim=1) @ exact.weight.double().T + exact.bias.double()
    predicted, rows = logits.argmax(dim=1), studio[1].images
    for row in found.head_classes():
        output, n_images = row["output"], row["n_images"]
        mine = torch.nonzero(predicted == output)[:, 0].tolist()
        images = found.output_images([output])
        assert len(images) == n_images == row["n_curve"]  # fewer than 32, so all of them
        assert {image["image"] for image in images} == set(mine)
        assert {image["id"] for image in images} <= set(found.image_index)
        assert [image["probability"] for image in images] == sorted((i["probability"] for i in images), reverse=True)
        for image in images:
            assert image["logit"] == pytest.approx(float(logits[image["image"], output]), abs=1e-5)
            chance = float(logits[image["image"]].softmax(dim=0)[output])
            assert image["probability"] == pytest.approx(chance, abs=1e-6)
        groups = [rows[image].class_name for image in mine]
        assert {g["class"]: g["n_images"] for g in found.output_groups(output)} == {
            name: groups.count(name) for name in groups if name
        }


def test_curves_go_from_the_photo_to_the_remainder(atlas: tuple[Atlas, Dictionary, LinearHead]) -> None:
    found = atlas[0]
    for row in found.head_classes():
        rows = found.head_curves(row["output"])
        assert {(r["walk"], r["ordering"]) for r in rows} == {
            (walk, order) for walk in ("deletion", "insertion") for order in ("most", "least", "random")
        }
        for r in rows:
            if r["walk"] == "deletion" and r["step"] == 0:
                assert r["probability"] == pytest.approx(row["whole"])
            if r["walk"] == "deletion" and r["taken"] == row["n_concepts"]:
                assert r["probability"] == pytest.approx(row["remainder"])
        area = {(r["walk"], r["ordering"]): r["area"] for r in rows}
        assert area["deletion", "most"] <= area["deletion", "random"] <= area["deletion", "least"]
    concept = found.head_concepts(found.head_classes()[0]["output"])[0]["concept"]
    assert found.head_classes()[0]["output"] in [r["output"] for r in found.concept_outputs(concept)]
    with pytest.raises(NotFound, match="predicted class"):
        found.head_class(99)


def test_a_class_of_the_same_name_has_importance_and_no_other(
    studio: tuple[Artifacts, Collection, ActivationStore], atlas: tuple[Atlas, Dictionary, LinearHead]
) -> None:
    found, dictionary, exact = atlas
    first = found.classes[0]["class"]
    slopes = dictionary.atoms.double() @ exact.weight[0].double()
    for concept in range(N_CONCEPTS):
        for row in found.class_table(concept):
            if row["class"] != first:
                assert row["importance"] is None
            else:
                assert row["importance"] == pytest.approx(row["mean"] * float(slopes[concept]), rel=1e-5)


def test_without_an_exact_head_nothing_is_told(studio: tuple[Artifacts, Collection, ActivationStore]) -> None:
    found = made(studio, with_head=False, seed=1)[0]
    assert found.head_classes() == []
    assert found.head_concepts(0) == found.head_curves(0) == found.concept_outputs(0) == []
    assert all(row["importance"] is None for row in found.class_table(0))


def test_names_are_the_same_by_their_letters_and_only_if_there_is_one() -> None:
    known = ["Granny Smith", "crane", "crane", "hot-dog"]
    assert outputs_of(["granny_smith", "Crane", "Hot Dog", "fig"], known) == [0, None, 3, None]
