"""What must hold for any photo, any head and any dictionary."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from store.edits import Edits, parse_edits
from store.universal import UniversalSpec
from worker.dictionaries.base import Dictionary
from worker.effects.contributions import Method, contributions, occlusion
from worker.effects.controls import ablations
from worker.effects.photo import CodedPhoto, code_photo
from worker.effects.tails import LinearTail
from worker.effects.targets import Target
from worker.effects.trying import try_edits
from worker.models.base import LinearHead
from worker.universal.dictionary import UniversalDictionary
from worker.universal.stream import stream_dictionary


def scene(seed: int, *, rows: int, cols: int, k: int, d: int, c: int) -> tuple[CodedPhoto, LinearTail]:
    rng = np.random.default_rng(seed)
    codes = torch.from_numpy(rng.random((rows * cols, k)) * (rng.random((rows * cols, k)) > 0.6))
    concepts = (codes > 0).any(dim=0).nonzero()[:, 0]
    atoms = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(k, d))).float(), dim=1)
    patches, origin = torch.from_numpy(rng.normal(size=(rows, cols, d))), torch.from_numpy(rng.normal(size=d))
    photo = CodedPhoto(patches, concepts, codes[:, concepts], atoms[concepts].double(), atoms, origin)
    weight, bias = torch.from_numpy(rng.normal(size=(c, d))).float(), torch.from_numpy(rng.normal(size=c)).float()
    return photo, LinearTail(LinearHead(weight, bias))


SIZES = {"rows": (1, 4), "cols": (1, 4), "k": (1, 9), "d": (1, 6), "c": (2, 6)}
sizes = st.fixed_dictionaries({name: st.integers(*ends) for name, ends in SIZES.items()})
OTHERS = (Method.GRADIENT, Method.INTEGRATED, Method.OCCLUSION)


@settings(max_examples=60)
@given(st.integers(0, 10_000), sizes, st.sampled_from(OTHERS), st.data())
def test_terms_add_up_and_all_methods_agree_before_any_linear_head(
    seed: int, size: dict[str, int], method: Method, data: st.DataObject
) -> None:
    photo, tail = scene(seed, **size)
    target = Target(data.draw(st.integers(0, size["c"] - 1)), data.draw(st.sampled_from(["nothing", "mean", 0])))
    exact = contributions(photo, tail, target)
    logits = tail.weight @ photo.patches.mean((0, 1)) + tail.bias
    assert exact.score == pytest.approx(float(logits @ target.weights(size["c"])), abs=1e-9)
    assert exact.gap == pytest.approx(0, abs=1e-9)
    other = contributions(photo, tail, target, method=method)
    torch.testing.assert_close(other.values, exact.values, rtol=0, atol=1e-9)
    assert exact.maps is not None
    torch.testing.assert_close(exact.maps.sum((1, 2)), exact.values, rtol=0, atol=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000), sizes)
def test_what_is_deleted_is_what_was_contributed(seed: int, size: dict[str, int]) -> None:
    photo, tail = scene(seed, **size)
    some = photo.concepts.tolist()[:3]
    effect = try_edits(photo, tail, ablations(some))
    for index in range(size["c"]):
        lost = occlusion(photo, tail, Target(index), concepts=some).sum()
        assert float(effect.after.logits[index]) == pytest.approx(float(effect.before.logits[index] - lost), abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000), sizes)
def test_scaling_all_concepts_goes_straight_from_the_photo_to_what_remains(seed: int, size: dict[str, int]) -> None:
    photo, tail = scene(seed, **size)
    half = parse_edits("~".join(f"{k}_scale_0.5" for k in photo.concepts.tolist()))
    found = contributions(photo, tail, Target(0))
    effect = try_edits(photo, tail, half)
    middle = found.bias + found.residual + 0.5 * float(found.values.sum())
    assert float(effect.after.logits[0]) == pytest.approx(middle, abs=1e-9)
    untouched = float(try_edits(photo, tail, Edits()).after.logits[0])
    assert untouched == pytest.approx(found.score, abs=1e-12)


def stream() -> Dictionary:
    spec = UniversalSpec(n_concepts=12, n_active=3)
    universal = UniversalDictionary(spec, (6, 9))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for part in (*universal.encoders, *universal.decoders):
            part.copy_(torch.randn(part.shape, generator=generator))
        universal.mean.copy_(torch.randn(15, generator=generator))
        universal.project()
    return stream_dictionary(universal, 1)


def test_a_stream_of_a_universal_dictionary_is_a_dictionary_like_any_other() -> None:
    of = stream()
    x = 2 * torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(1)) + of.mean
    photo = code_photo(of, x)
    through = of.decode(of.encode(x.flatten(0, 1)))
    torch.testing.assert_close(photo.reconstruction.flatten(0, 1).float(), through, rtol=0, atol=1e-5)
    tail = LinearTail(LinearHead(torch.randn(4, 9, generator=torch.Generator().manual_seed(2)), torch.zeros(4)))
    found = contributions(photo, tail, Target(3))
    assert len(found.values) > 3
    assert found.gap == pytest.approx(0, abs=1e-9)
    torch.testing.assert_close(contributions(photo, tail, Target(3), method=Method.OCCLUSION).values, found.values)
