"""Effects of a photo by the encoder's desk: those that ``worker/effects`` finds from the same look, as they travel."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from store.atlas.reader import Atlas
from store.edits import BadEdit, parse_edits
from store.encoding.contract import EncodeRequest, KnownPhoto, PhotoSource, StreamCodes, UploadedPhoto
from store.encoding.effects import DictionaryEffects, Effects, EffectsRequest, pack_effects, read_effects
from store.encoding.parcel import unpack
from store.encoding.refusals import PhotoGone
from store.errors import Damaged, InvalidInput, NotFound
from tests.encoding import SECRET, Studio
from tests.worker.images.photos import draw
from worker.effects.contributions import contributions
from worker.effects.controls import strength_in
from worker.effects.photo import code_photo
from worker.effects.tails import Tail, find_tail
from worker.effects.targets import Target
from worker.effects.trying import try_edits
from worker.encoder import effects as encoder_effects
from worker.encoder.codes import strongest_first
from worker.encoder.decoder.exchange import Done, copy_size, framed, read_answer
from worker.encoder.desk import Desk
from worker.encoder.service import make_face
from worker.encoder.study import Study
from worker.encoder.web import effects_on_photo, encode_photo
from worker.models.base import Activations
from worker.universal.stream import StreamDictionary


def run(studio: Studio, work: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        settings = studio.settings.model_copy(update={"encoder_decoders": 1})
        desk = make_face(settings, secret=SECRET, device="cpu", weights=[studio.inputs.weights]).desk
        await desk.start()
        try:
            async with asyncio.timeout(120):
                await work(desk)
        finally:
            await desk.close()

    asyncio.run(inside())


def asking(studio: Studio, **more: Any) -> EffectsRequest:
    values: dict[str, Any] = {"photo": UploadedPhoto(), "dictionaries": (studio.digest,), "n_classes": 5}
    return EffectsRequest(**(values | more))


async def found(desk: Desk, studio: Studio, **more: Any) -> Effects:
    arrays = more.pop("arrays", {})
    request = asking(studio, **more)
    upload = studio.photo(2) if isinstance(request.photo, UploadedPhoto) else None
    effects = await effects_on_photo(desk, request, upload, arrays=arrays)
    return read_effects(unpack(pack_effects(effects)))


def test_effects_are_those_of_the_mathematics(studio: Studio) -> None:
    columns = Atlas(studio.atlas).columns

    async def work(desk: Desk) -> None:
        async with desk.studies(UploadedPhoto(), [studio.digest], upload=studio.photo(2)) as (_, [study]):
            look = study.look
            given = Activations(patches=look.patches[None], prefix=look.prefix[None])
            tail = find_tail(study.model, study.reading.layer, study.window, photo=given)
            codes = study.dictionary.encode(study.tokens)
            photo = code_photo(study.dictionary, look.patches, codes=codes)
            logits = tail.logits(photo.patches[None])[0]
            expected = contributions(photo, tail, Target(int(logits.argmax()), against="mean"))
            concept = int(photo.concepts[0])
            edits = parse_edits(f"{concept}_scale_3")
            effect = try_edits(photo, tail, edits, collection=strength_in(columns))
        arrays = {name: np.asarray(columns[name], dtype=np.float32) for name in ("density", "energy")}
        effects = await found(desk, studio, edits=edits.text, arrays=arrays)
        [one] = effects.dictionaries
        assert one.facts.target is not None
        assert one.facts.target.index == expected.target.class_index
        np.testing.assert_array_equal(one.concepts, expected.concepts.numpy())
        np.testing.assert_allclose(one.contributions, expected.values.numpy(), rtol=1e-5, atol=1e-7)
        for name in ("bias", "residual", "gap", "score"):
            assert getattr(one.facts, name) == pytest.approx(getattr(expected, name), rel=1e-6)
        assert one.facts.edit is not None
        for row in one.facts.edit.after:
            assert row.probability == pytest.approx(float(effect.after.probabilities[row.index]), rel=1e-6)
        assert [one.kind for one in one.facts.edit.controls] == ["alike", "elsewhere"]
        shown = [row.index for row in one.facts.edit.before]
        for control, drawn in zip(effect.controls, one.controls, strict=True):
            np.testing.assert_allclose(drawn, control.probabilities[:, shown].numpy(), rtol=1e-5)

    run(studio, work)


@dataclass(frozen=True)
class Looked:
    """One photo of the studio, its codes, and what follows the layer."""

    codes: StreamCodes
    patches: torch.Tensor
    atoms: torch.Tensor
    tail: Tail
    weights: torch.Tensor

    def without(self, taken: dict[int, float], concept: int) -> float:
        """The drop of the score with some codes of a concept taken away, patch by patch."""
        cols, less = self.patches.shape[1], self.patches.clone()
        for patch, code in taken.items():
            less[patch // cols, patch % cols] -= code * self.atoms[concept]
        return float((self.tail.logits(self.patches[None])[0] - self.tail.logits(less[None])[0]) @ self.weights)

    def fires(self, concept: int) -> dict[int, float]:
        """Its codes by patch."""
        slots = [place for place in np.ndindex(self.codes.values.shape) if self.codes.indices[place] == concept]
        return {place[0]: float(self.codes.values[place]) for place in slots if self.codes.values[place] > 0}


async def looked(desk: Desk, studio: Studio) -> Looked:
    request = EncodeRequest(photo=UploadedPhoto(), dictionaries=(studio.digest,))
    [codes] = (await encode_photo(desk, request, studio.photo(2))).streams
    async with desk.studies(UploadedPhoto(), [studio.digest], upload=studio.photo(2)) as (_, [study]):
        given = Activations(patches=study.look.patches[None], prefix=study.look.prefix[None])
        tail = find_tail(study.model, study.reading.layer, study.window, photo=given)
        patches = study.look.patches.double()
        top = int(tail.logits(patches[None])[0].argmax())
        weights = Target(top, against="mean").weights(tail.n_classes)
        return Looked(codes, patches, study.dictionary.atoms.double(), tail, weights)


def test_parts_of_contributions_equal_loops(studio: Studio) -> None:
    """Only pooling and a linear map follow the layer of this network, so that the gradient is the same everywhere."""

    async def work(desk: Desk) -> None:
        one = await looked(desk, studio)
        slopes = one.tail.gradients(one.patches[None], one.weights)[0].flatten(0, 1)
        [told] = (await found(desk, studio)).dictionaries
        assert told.parts.shape == one.codes.indices.shape
        for place in np.ndindex(told.parts.shape):
            along = float(slopes[place[0]] @ one.atoms[int(one.codes.indices[place])])
            assert float(told.parts[place]) == pytest.approx(float(one.codes.values[place]) * along, rel=1e-4, abs=1e-6)

    run(studio, work)


def test_what_is_lost_equals_loops(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        one = await looked(desk, studio)
        asked = (*one.codes.concepts[:3].tolist(), 23)
        [told] = (await found(desk, studio, occlude=asked, occlude_map=True)).dictionaries
        assert (told.facts.occluded, told.facts.no_map) == (asked, "")
        for concept, lost in zip(asked, told.lost.tolist(), strict=True):
            assert lost == pytest.approx(one.without(one.fires(concept), concept), rel=1e-4, abs=1e-6)
        fires = one.fires(asked[0])
        for patch, lost in enumerate(told.lost_map.ravel().tolist()):
            alone = one.without({patch: fires[patch]}, asked[0]) if patch in fires else 0.0
            assert lost == pytest.approx(alone, rel=1e-4, abs=1e-6)

    run(studio, work)


def test_a_map_that_would_take_too_long_is_left_out_in_words(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_effects, "MAP_WITHIN_S", -1.0)

    async def work(desk: Desk) -> None:
        [one] = (await found(desk, studio, contributions=False)).dictionaries
        concept = int(one.concepts[0])
        assert one.parts.size == one.lost.size == one.lost_map.size == 0
        [one] = (await found(desk, studio, occlude=(concept,), occlude_map=True)).dictionaries
        assert len(one.lost) == 1
        assert one.lost_map.size == 0
        assert "It takes more than" in one.facts.no_map
        with pytest.raises(InvalidInput, match="has 0 to 23"):
            await found(desk, studio, occlude=(24,))

    run(studio, work)


def test_another_class_may_be_asked_for_and_contributions_left_out(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        [one] = (await found(desk, studio, class_index=3, contributions=False)).dictionaries
        assert one.facts.target is not None
        assert one.facts.target.index == 3
        assert 3 in [row.index for row in one.facts.original]
        assert len(one.contributions) == 0
        assert one.facts.edit is None
        with pytest.raises(NotFound, match="class"):
            await found(desk, studio, class_index=100_000)

    run(studio, work)


def test_bad_edits_are_refused(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        for edits in ("x", "24_ablate", "3_ablate_9999"):
            with pytest.raises(BadEdit):
                await found(desk, studio, edits=edits)

    run(studio, work)


def test_models_of_a_universal_dictionary_have_effects_of_their_own(studio: Studio) -> None:
    """One stream is read on the shared grid itself, the other on a finer one."""

    async def work(desk: Desk) -> None:
        joint, *streams = (await found(desk, studio, dictionaries=(studio.universal.digest,))).dictionaries
        assert "choose one of its models" in joint.facts.missing
        assert joint.facts.target is None
        assert [one.facts.stream for one in (joint, *streams)] == [0, 1, 2]
        async with desk.studies(UploadedPhoto(), [studio.universal.digest], upload=studio.photo(2)) as (_, studies):
            shared = [study.look.patches.shape[:2] == (study.grid.rows, study.grid.cols) for study in studies]
            assert sorted(shared) == [False, True]
            for study, told, is_shared in zip(studies, streams, shared, strict=True):
                given = Activations(patches=study.look.patches[None], prefix=study.look.prefix[None])
                tail = find_tail(study.model, study.reading.layer, study.window, photo=given)
                tokens = study.look.patches.flatten(0, 1).bfloat16().float()
                photo = code_photo(study.dictionary, study.look.patches, codes=study.dictionary.encode(tokens))
                assert told.facts.target is not None
                expected = contributions(photo, tail, Target(told.facts.target.index, against="mean"))
                np.testing.assert_array_equal(told.concepts, expected.concepts.numpy())
                np.testing.assert_allclose(told.contributions, expected.values.numpy(), rtol=1e-5, atol=1e-7)
                await unit_and_grid(desk, studio, study=study, told=told, is_shared=is_shared)
        [one] = (await found(desk, studio, dictionaries=(studio.universal.digest,), stream=2)).dictionaries
        assert one.facts == streams[1].facts
        with pytest.raises(InvalidInput, match="no stream 3"):
            await found(desk, studio, dictionaries=(studio.universal.digest,), stream=3)

    run(studio, work)


async def unit_and_grid(desk: Desk, studio: Studio, *, study: Study, told: DictionaryEffects, is_shared: bool) -> None:
    """Codes are told and held in the unit of all models; patches can be named on the shared grid alone."""
    of, concept = study.dictionary, int(told.concepts[0])
    assert isinstance(of, StreamDictionary)
    asked: dict[str, Any] = {"dictionaries": (studio.universal.digest,), "stream": study.stream}
    held = f"{concept}_clamp_0.5"
    [one] = (await found(desk, studio, edits=held, occlude=(concept,), occlude_map=True, **asked)).dictionaries
    tokens = study.look.patches.flatten(0, 1)
    codes = of.encode(tokens.bfloat16().float()).dense()[:, concept]
    moved = tokens.double() + torch.outer(0.5 * of.gain[concept] - codes, of.atoms[concept]).double()
    given = Activations(patches=study.look.patches[None], prefix=study.look.prefix[None])
    tail = find_tail(study.model, study.reading.layer, study.window, photo=given)
    probabilities = tail.logits(moved.view(study.look.patches.shape)[None])[0].softmax(dim=0)
    assert one.facts.edit is not None
    assert one.facts.edit.text == held
    for row in one.facts.edit.after:
        assert row.probability == pytest.approx(float(probabilities[row.index]), rel=1e-4)
    assert len(one.lost) == 1
    if is_shared:
        slots = strongest_first(of.common_codes(of.standardize(study.tokens)))[0]
        assert told.parts.shape == slots.shape
        for concept, value in zip(told.concepts.tolist(), told.contributions.tolist(), strict=True):
            slow = sum(float(told.parts[place]) for place in np.ndindex(slots.shape) if slots[place] == concept)
            assert slow == pytest.approx(value, rel=1e-4, abs=1e-6)
        assert one.lost_map.shape == (study.grid.rows, study.grid.cols)
    else:
        assert told.parts.size == one.lost_map.size == 0
        assert "patches are others" in one.facts.no_map
        with pytest.raises(BadEdit, match="patches are others"):
            await found(desk, studio, edits=f"{concept}_ablate_0", **asked)


def test_an_upload_is_explained_by_its_copy_and_needs_no_second_pass(studio: Studio) -> None:
    buffer = io.BytesIO()
    draw(3, width=700, height=300).save(buffer, "JPEG", quality=60)

    async def work(desk: Desk) -> None:
        request = EncodeRequest(photo=UploadedPhoto(), dictionaries=(studio.digest,), copy_px=256)
        encoded = await encode_photo(desk, request, buffer.getvalue())
        assert encoded.copy is not None
        copy = Image.open(io.BytesIO(encoded.copy))
        assert copy.size == (256, 110) == (encoded.photo.width, encoded.photo.height)
        n_passes = desk.passes.n_pictures
        known: PhotoSource = KnownPhoto(sha256=encoded.photo.sha256)
        assert (await found(desk, studio, photo=known)).photo == encoded.photo
        assert desk.passes.n_pictures == n_passes
        plain = EncodeRequest(photo=UploadedPhoto(), dictionaries=(studio.digest,))
        again = await encode_photo(desk, plain, encoded.copy)
        assert again.photo == encoded.photo
        for one, other in zip(again.streams, encoded.streams, strict=True):
            np.testing.assert_array_equal(one.values, other.values)
        with pytest.raises(PhotoGone):
            await encode_photo(desk, EncodeRequest(photo=KnownPhoto(sha256="0" * 64), **_rest(request)), None)

    run(studio, work)


def _rest(request: EncodeRequest) -> dict[str, Any]:
    return {"dictionaries": request.dictionaries, "copy_px": request.copy_px}


def test_a_copy_keeps_every_pixel_of_a_small_photo(studio: Studio) -> None:
    picture = draw(4, width=90, height=70)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")

    async def work(desk: Desk) -> None:
        copy = await desk.copy(UploadedPhoto(), buffer.getvalue(), copy_px=256)
        kept = Image.open(io.BytesIO(await copy.file)).convert("RGB")
        np.testing.assert_array_equal(np.asarray(kept), np.asarray(picture.convert("RGB")))

    run(studio, work)


def test_a_copy_is_seen_before_its_file_is_written_as_after(studio: Studio) -> None:
    async def work(desk: Desk) -> None:
        copy = await desk.copy(UploadedPhoto(), studio.photo(3), copy_px=64)
        async with desk.studies(UploadedPhoto(), [studio.digest], copy=copy) as (photo, [before]):
            file = await copy.file
            assert photo.sha256 == hashlib.sha256(file).hexdigest()
            assert (photo.width, photo.height) == Image.open(io.BytesIO(file)).size
        async with desk.studies(KnownPhoto(sha256=photo.sha256), [studio.digest]) as (_, [known]):
            assert known.look is before.look
        desk.forget(photo.sha256)
        async with desk.studies(UploadedPhoto(), [studio.digest], upload=file) as (again, [after]):
            assert again == photo
            torch.testing.assert_close(after.look.patches, before.look.patches, rtol=0, atol=0)

    run(studio, work)


@pytest.mark.parametrize(
    ("size", "expected"), [((3000, 2000), (1024, 683)), ((10, 20), (10, 20)), ((9, 90_000), (1, 1024))]
)
def test_copies_are_never_larger(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert copy_size(*size, copy_px=1024) == expected


@pytest.mark.parametrize("shape", [(20, 10, 3), (10, 20, 4), (10, 20, 3, 1), (2048, 4096, 3)])
def test_a_copy_of_another_size_is_not_believed(shape: tuple[int, ...]) -> None:
    answer = framed(Done(width=20, height=10), {"copy": np.zeros(shape, dtype=np.uint8)})
    with pytest.raises(Damaged):
        read_answer(answer[8:], (), copy_px=1024)
    honest = framed(Done(width=20, height=10), {"copy": np.zeros((10, 20, 3), dtype=np.uint8)})
    assert read_answer(honest[8:], (), copy_px=1024)[1][0].shape == (10, 20, 3)
