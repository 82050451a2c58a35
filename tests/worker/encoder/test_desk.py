"""From a photo to codes within one process: the same numbers as the stored activations and the atlas have."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from store.artifacts import Artifact, open_artifacts
from store.atlas.reader import Atlas
from store.encoding.contract import (
    CollectionPhoto,
    Encoded,
    EncodeRequest,
    KnownPhoto,
    PhotoSource,
    StreamCodes,
    UploadedPhoto,
    pack_encoded,
    read_encoded,
)
from store.encoding.parcel import unpack
from store.encoding.refusals import PhotoGone, PhotoRefused, Reason
from store.errors import Damaged, InvalidInput, NotFound, Unavailable
from store.vocabulary import Kind
from tests.encoding import SECRET, Studio
from worker.activations import ActivationStore
from worker.dictionaries.files import load_dictionary
from worker.encoder.codes import centred_r2, strongest_first
from worker.encoder.desk import LOOKS_SHARE, Desk
from worker.encoder.service import make_face
from worker.encoder.web import encode_photo
from worker.universal.files import load_universal
from worker.universal.pairing import PairedStore
from worker.universal.stream import stream_dictionary


def run(
    studio: Studio, work: Callable[[Desk], Coroutine[Any, Any, None]], *, with_weights: bool = True, **changes: Any
) -> None:
    async def inside() -> None:
        settings = studio.settings.model_copy(update={"encoder_decoders": 1, **changes})
        weights = [studio.inputs.weights] if with_weights else []
        desk = make_face(settings, secret=SECRET, device="cpu", weights=weights).desk
        await desk.start()
        try:
            async with asyncio.timeout(120):
                await work(desk)
        finally:
            await desk.close()

    asyncio.run(inside())


async def encode(desk: Desk, photo: bytes | PhotoSource, dictionaries: Sequence[str], *, n_classes: int = 5) -> Encoded:
    source = UploadedPhoto() if isinstance(photo, bytes) else photo
    request = EncodeRequest(photo=source, dictionaries=tuple(dictionaries), n_classes=n_classes)
    found = await encode_photo(desk, request, photo if isinstance(photo, bytes) else None)
    return read_encoded(unpack(pack_encoded(found)))  # as the web program gets it


def image(studio: Studio, place: int) -> CollectionPhoto:
    return CollectionPhoto(collection=studio.collection.digest, image=studio.collection.images[place].id)


def activations_of(studio: Studio, artifact: Artifact, name: str = "activations") -> ActivationStore:
    artifacts = open_artifacts(studio.settings)
    return ActivationStore(artifacts.get(Kind.ACTIVATIONS, artifact.manifest.inputs[name]))


def tokens_of(store: ActivationStore, place: int) -> torch.Tensor:
    shard = store.shard(place // store.stored.images_per_shard)
    return shard.patches[shard.images.tolist().index(place)].float()


def test_codes_are_those_of_the_stored_activations(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        for place in range(0, 12, 3):
            found = await encode(desk, studio.photo(place), [one.digest for one in studio.dictionaries])
            for artifact, codes in zip(studio.dictionaries, found.streams, strict=True):
                dictionary = load_dictionary(artifact.folder())
                tokens = tokens_of(activations_of(studio, artifact), place)
                indices, values = strongest_first(dictionary.encode(tokens))
                np.testing.assert_array_equal(codes.indices, indices)
                np.testing.assert_allclose(codes.values, values, rtol=1e-5, atol=1e-6)
                assert codes.facts.r2 is not None
                assert codes.facts.l0 == pytest.approx((values > 0).sum(axis=1).mean())

    run(studio, work)


def test_codes_are_those_of_the_atlas(studio: Studio) -> None:
    atlas = Atlas(studio.atlas)
    ids = [row["id"] for row in atlas.images()]
    assert len(ids) >= 9

    async def work(desk: Desk) -> None:
        for row in studio.collection.images:
            if row.id not in ids:
                continue
            [codes] = (await encode(desk, image(studio, row.image), [studio.digest])).streams
            concepts, values = (array.reshape(codes.facts.grid.n_patches, -1) for array in atlas.patch_codes(row.id))
            n = min(values.shape[1], codes.values.shape[1])
            np.testing.assert_allclose(codes.values[:, :n], values[:, :n], rtol=2e-3, atol=1e-6)  # float16 there
            same = (codes.indices[:, :n] == concepts[:, :n]) | (values[:, :n] == 0)
            assert same.mean() > 0.99  # equal codes may stand in another order
            stored = {one["concept"]: one for one in atlas.image_concepts(row.id)}
            for concept, pooled, peak, patch in zip(
                codes.concepts.tolist(), codes.pooled, codes.peak, codes.peak_patch, strict=True
            ):
                assert pooled == pytest.approx(stored[concept]["pooled"], rel=1e-4)
                assert peak == pytest.approx(stored[concept]["peak"], rel=1e-4)
                assert divmod(int(patch), codes.facts.grid_cols) == (stored[concept]["row"], stored[concept]["col"])
            assert set(stored) == set(codes.concepts.tolist())

    run(studio, work)
    atlas.close()


def test_geometry_is_that_of_the_atlas(studio: Studio) -> None:
    [stream] = Atlas(studio.atlas).streams

    async def work(desk: Desk) -> None:
        found = await encode(desk, studio.photo(0), [studio.digest])
        [codes] = found.streams
        assert codes.facts.window == stream.window
        assert codes.facts.grid == stream.grid
        assert (codes.facts.model, codes.facts.layer) == (stream.model, stream.layer)
        row = studio.collection.images[0]
        assert codes.facts.box == stream.window.seen(row.width, row.height)
        assert (found.photo.width, found.photo.height) == (row.width, row.height)
        assert found.photo.sha256 == hashlib.sha256(studio.photo(0)).hexdigest()

    run(studio, work)


def test_codes_of_a_universal_dictionary_are_those_of_paired_tokens(studio: Studio) -> None:
    stores = [activations_of(studio, studio.universal, f"activations-{place}") for place in range(2)]
    universal, facts = load_universal(studio.universal.folder())
    stores.sort(key=lambda store: [one.layer for one in facts.streams].index(store.layer))
    paired = PairedStore(stores, studio.collection)

    async def work(desk: Desk) -> None:
        for place in (0, 5):
            found = await encode(desk, image(studio, place), [studio.universal.digest, studio.digest])
            mean, *streams = found.of(studio.universal.digest)
            assert [one.facts.stream for one in (mean, *streams)] == [0, 1, 2]
            assert [one.facts.is_mean for one in (mean, *streams)] == [True, False, False]
            assert [one.facts.layer for one in streams] == [one.layer for one in facts.streams]
            assert (mean.facts.window, mean.facts.r2, mean.facts.predicted) == (None, None, ())
            per_shard = paired.stored.images_per_shard
            joint = next(paired.read([place // per_shard])).patches[place % per_shard].float()
            dense = torch.zeros(paired.grid.n_patches, universal.n_concepts)
            for number, (codes, part) in enumerate(zip(streams, universal.parts, strict=True)):
                common = universal.stream_codes(number, joint[:, part].contiguous())
                same_codes(codes, *strongest_first(common))
                dense += common.dense() / 2
                own, tokens = stream_dictionary(universal, number), joint[:, part].contiguous()
                assert codes.facts.r2 == pytest.approx(centred_r2(own, tokens, own.encode(tokens)), abs=1e-4)
                assert codes.facts.grid == facts.grid
            for patch, row in enumerate(dense):
                known = {k: float(v) for k, v in enumerate(row) if v > 0}
                told = {int(k): float(v) for k, v in zip(mean.indices[patch], mean.values[patch], strict=True) if v > 0}
                assert told == pytest.approx(known, rel=1e-3, abs=1e-4)
            assert len(found.of(studio.digest)) == 1

    run(studio, work)


def same_codes(codes: StreamCodes, indices: np.ndarray, values: np.ndarray, *, rtol: float = 1e-4) -> None:
    """Equal but for rounding; equal codes may stand in another order."""
    n = min(values.shape[1], codes.values.shape[1])
    np.testing.assert_allclose(codes.values[:, :n], values[:, :n], rtol=rtol, atol=1e-5)
    assert ((codes.indices[:, :n] == indices[:, :n]) | (values[:, :n] == 0)).mean() > 0.99


def test_codes_of_a_universal_dictionary_are_those_of_its_atlas(studio: Studio) -> None:
    atlas = Atlas(studio.universal_atlas)

    async def work(desk: Desk) -> None:
        for row in studio.collection.images:
            if row.id not in atlas.image_index:
                continue
            found = (await encode(desk, image(studio, row.image), [studio.universal.digest])).streams
            assert [one.facts.stream for one in found] == [one.stream for one in atlas.streams]
            for codes, stream in zip(found, atlas.streams, strict=True):
                assert (codes.facts.model, codes.facts.layer, codes.facts.grid) == (
                    stream.model,
                    stream.layer,
                    stream.grid,
                )
                concepts, values = atlas.patch_codes(row.id, stream=stream.stream)
                flat = (array.reshape(codes.facts.grid.n_patches, -1) for array in (concepts, values))
                same_codes(codes, *flat, rtol=2e-3)

    run(studio, work)
    atlas.close()


def test_predictions_are_the_models_own(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        async with desk.studies(UploadedPhoto(), [studio.digest], upload=studio.photo(1)) as (_, [study]):
            assert study.look.logits is not None
            assert study.look.patches.shape == (study.grid.rows, study.grid.cols, study.dictionary.width)
            shares = study.look.logits.double().softmax(dim=0)
        found = await encode(desk, studio.photo(1), [studio.digest], n_classes=3)
        predicted = found.streams[0].facts.predicted
        assert [one.probability for one in predicted] == pytest.approx(shares.topk(3).values.tolist())
        assert [one.index for one in predicted] == shares.topk(3).indices.tolist()

    run(studio, work)


def test_a_photo_seen_before_needs_no_pass_and_a_forgotten_one_its_bytes(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        first = await encode(desk, studio.photo(2), [studio.digest])
        known = KnownPhoto(sha256=first.photo.sha256)
        n_passes = desk.passes.n_passes
        again = await encode(desk, known, [studio.digest])
        np.testing.assert_array_equal(again.streams[0].values, first.streams[0].values)
        assert again.photo == first.photo
        assert desk.passes.n_passes == n_passes
        with pytest.raises(PhotoGone):  # at a layer that nobody has looked at
            await encode(desk, known, [studio.universal.digest])
        assert desk.forget(first.photo.sha256) == 1
        with pytest.raises(PhotoGone, match="Send its bytes again"):
            await encode(desk, known, [studio.digest])

    run(studio, work)


def test_a_turned_photo_is_seen_upright(studio: Studio) -> None:
    upright = Image.open(io.BytesIO(studio.photo(3))).convert("RGB")
    turned, plain = io.BytesIO(), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=exif)
    upright.save(plain, "PNG")

    async def work(desk: Desk) -> None:
        one, other = [await encode(desk, photo.getvalue(), [studio.digest]) for photo in (turned, plain)]
        assert (one.photo.width, one.photo.height) == upright.size
        np.testing.assert_array_equal(one.streams[0].values, other.streams[0].values)

    run(studio, work)


def test_bad_requests_are_refused_with_words(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        with pytest.raises(PhotoRefused) as caught:
            await encode(desk, b"no photo", [studio.digest])
        assert caught.value.reason is Reason.NOT_AN_IMAGE
        with pytest.raises(NotFound, match="It has been removed"):
            await encode(desk, studio.photo(0), ["0" * 64])
        with pytest.raises(NotFound):
            gone = CollectionPhoto(collection="0" * 64, image="0" * 16)
            await encode(desk, gone, [studio.digest])
        with pytest.raises(NotFound, match="no such image"):
            await encode(desk, image(studio, 0).model_copy(update={"image": "0" * 16}), [studio.digest])
        with pytest.raises(InvalidInput, match="no bytes"):
            await encode(desk, UploadedPhoto(), [studio.digest])

    run(studio, work)


def test_missing_weights_are_told(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        with pytest.raises(Unavailable, match="--weights FILE"):
            await encode(desk, studio.photo(0), [studio.digest])

    run(studio, work, with_weights=False)


def test_an_image_that_has_changed_is_not_taken_for_what_it_was(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.encoder.desk.read", lambda path, **_limits: Path(path).read_bytes() + b"more")

    async def work(desk: Desk) -> None:
        with pytest.raises(Damaged, match="has changed"):
            await encode(desk, image(studio, 0), [studio.digest])

    run(studio, work)


def test_models_and_dictionaries_come_and_go_under_a_small_budget(studio: Studio) -> None:
    """Room for the model and one dictionary, not for two."""

    async def sizes(desk: Desk) -> None:
        await encode(desk, studio.photo(0), [studio.dictionaries[0].digest])
        held.append(desk.shelf.n_bytes)

    async def work(desk: Desk) -> None:
        for place in range(6):
            found = await encode(desk, studio.photo(place), [studio.dictionaries[place % 2].digest])
            assert found.streams[0].facts.dictionary == studio.dictionaries[place % 2].digest
            assert desk.shelf.n_bytes <= desk.shelf.budget_bytes
        assert desk.shelf.n_dropped == 5
        with pytest.raises(Unavailable, match="fewer dictionaries"):
            await encode(desk, studio.photo(0), [one.digest for one in studio.dictionaries])

    held: list[int] = []
    run(studio, sizes)
    run(studio, work, encoder_memory_bytes=int((held[0] + 1000) / (1 - LOOKS_SHARE)) + 1)


def test_how_tokens_were_read_is_known_when_the_activations_are_gone(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        plan, joined = desk.plans.of(studio.digest), desk.plans.of(studio.universal.digest)
        desk.plans._plans.clear()
        there = desk.plans._artifacts.is_there
        desk.plans._artifacts.is_there = lambda kind, digest: kind is not Kind.ACTIVATIONS and there(kind, digest)  # type: ignore[method-assign]
        assert (desk.plans.of(studio.digest), desk.plans.of(studio.universal.digest)) == (plan, joined)
        with pytest.raises(Unavailable, match="Extract them again"):
            desk.plans.of(studio.dictionaries[1].digest)

    run(studio, work)


def test_what_pages_show_is_loaded_at_the_start(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        assert await desk.warm() == 2
        held = {"timm/test_resnet", f"dictionary {studio.digest[:12]}", f"universal {studio.universal.digest[:12]}"}
        assert set(desk.shelf.names) == held

    run(studio, work)
