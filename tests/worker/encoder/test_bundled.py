"""Bundled models with their real weights and real photos: the codes that the encoder gives are those of the atlas."""

import asyncio
import shutil

import numpy as np
import pytest

from store.artifacts import Artifact
from store.atlas.reader import Atlas
from store.encoding.contract import CollectionPhoto, EncodeRequest
from store.methods import TopKSpec
from store.settings import Settings
from store.specs import AtlasSpec, CollectionSpec, ExtractionSpec
from store.vocabulary import Fit
from tests.encoding import SECRET
from worker.demo import find_demo_photos
from worker.encoder.service import make_face
from worker.encoder.web import encode_photo
from worker.reporting import Reporter
from worker.workshop import Wanted, Workshop

pytestmark = pytest.mark.slow
N_IMAGES = 11  # one batch of extraction is whole, and one is not
MODELS = {
    "efficientnet-lite0": ("blocks.6", 320, 576),
    "efficientnet-lite1": ("final", 224, 224),
    "efficientnet-lite2": ("blocks.5", 192, 256),
    "mobilenet-v2": ("blocks.6", 320, 576),
    "saliency-vit-s14": ("blocks.11", 168, 294),
}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("bundled")
    (folder / "photos").mkdir()
    for path in sorted(find_demo_photos(Settings()).glob("*.jpeg"))[:N_IMAGES]:
        shutil.copy(path, folder / "photos")
    workshop = Workshop(Settings(store=folder / "store"), Reporter(), device="cpu")
    workshop.ingest(folder / "photos", CollectionSpec(slug="photos", title="Photos", held_out=0.2))
    return workshop


def made(workshop: Workshop, model: str) -> tuple[Artifact, Atlas]:
    layer, height, width = MODELS[model]
    spec = ExtractionSpec(model=model, layer=layer, height_px=height, width_px=width, fit=Fit.COVER)
    activations = workshop.extract("photos", spec).artifact
    small = TopKSpec(n_concepts=64, n_active=6, epochs=2, batch_tokens=256)
    [trained] = workshop.train([Wanted(model, model, small)], activations=activations)
    return trained.artifact, Atlas(workshop.atlas(model, AtlasSpec(n_examples=9)).artifact)


@pytest.mark.parametrize("model", MODELS)
def test_codes_of_photos_are_those_of_the_atlas(model: str, workshop: Workshop) -> None:
    dictionary, atlas = made(workshop, model)
    collection, _ = workshop.collection("photos")

    async def work() -> None:
        settings = Settings(store=workshop.artifacts.root)
        desk = make_face(settings, secret=SECRET, device="cpu").desk
        await desk.start()
        for row in collection.images:
            if row.id not in atlas.image_index:
                continue
            photo = CollectionPhoto(collection=collection.digest, image=row.id)
            found = await encode_photo(desk, EncodeRequest(photo=photo, dictionaries=(dictionary.digest,)), None)
            [codes] = found.streams
            concepts, values = (array.reshape(codes.facts.grid.n_patches, -1) for array in atlas.patch_codes(row.id))
            np.testing.assert_allclose(codes.values, values[:, : codes.values.shape[1]], rtol=2e-3, atol=1e-5)
            same = (codes.indices == concepts[:, : codes.values.shape[1]]) | (codes.values == 0)
            assert same.mean() > 0.999
            stored = {one["concept"]: one["pooled"] for one in atlas.image_concepts(row.id)}
            pooled = dict(zip(codes.concepts.tolist(), codes.pooled.tolist(), strict=True))
            assert all(pooled[concept] == pytest.approx(value, rel=1e-3) for concept, value in stored.items())
            assert bool(codes.facts.predicted) == (model != "saliency-vit-s14")
        await desk.close()

    asyncio.run(work())
    atlas.close()
