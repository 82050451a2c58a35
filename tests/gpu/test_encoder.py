"""The whole encoder on a GPU: codes and effects of a photo are those of the CPU, by one dictionary and a joint one."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float

from store.encoding.contract import EncodeRequest, KnownPhoto, UploadedPhoto
from store.encoding.effects import EffectsRequest
from tests.encoding import SECRET, Studio, make_studio
from worker.encoder.service import make_face
from worker.encoder.web import effects_on_photo, encode_photo

pytestmark = pytest.mark.gpu
N_PHOTOS = 4
MOST_MOVED = 0.15
Numbers = Float[np.ndarray, " K"]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return make_studio(Path(tmp_path_factory.mktemp("gpu-encoder")))


async def _asked(studio: Studio, device: str, digest: str) -> list[tuple[Numbers, Numbers, float]]:
    """Of some photos: pooled codes of all concepts, contributions of all concepts, score of the class."""
    settings = studio.settings.model_copy(update={"encoder_decoders": 1})
    desk = make_face(settings, secret=SECRET, device=device, weights=[studio.inputs.weights]).desk
    await desk.start()
    found = []
    try:
        for place in range(N_PHOTOS):
            request = EncodeRequest(photo=UploadedPhoto(), dictionaries=(digest,), copy_px=256)
            encoded = await encode_photo(desk, request, studio.photo(place))
            pooled = np.zeros(64)
            pooled[encoded.streams[-1].concepts] = encoded.streams[-1].pooled
            question = EffectsRequest(
                photo=KnownPhoto(sha256=encoded.photo.sha256), dictionaries=(digest,), contributions=True
            )
            one = (await effects_on_photo(desk, question, None, arrays={})).dictionaries[-1]
            parts = np.zeros(64)
            parts[one.concepts] = one.contributions
            found.append((pooled, parts, float(one.facts.score or 0.0)))
    finally:
        await desk.close()
    return found


@pytest.mark.parametrize("joint", [False, True])
def test_codes_and_effects_are_those_of_a_cpu(studio: Studio, *, joint: bool) -> None:
    digest = studio.universal.digest if joint else studio.digest
    fast, slow = (asyncio.run(_asked(studio, device, digest)) for device in ("cuda", "cpu"))
    for (pooled, parts, score), (pooled_slow, parts_slow, score_slow) in zip(fast, slow, strict=True):
        assert moved(pooled, pooled_slow) < MOST_MOVED
        assert moved(parts, parts_slow) < MOST_MOVED
        assert abs(score - score_slow) < 2e-2 * max(1, abs(score_slow))


def moved(found: Numbers, expected: Numbers) -> float:
    """Share of what all concepts hold that others hold: where two are nearly as strong, ten bits choose either."""
    return float(np.abs(found - expected).sum() / np.abs(expected).sum())
