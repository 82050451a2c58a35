"""Importance for predicted classes against sums image by image, and whatever the order they come in."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.effects.scenes import N_CLASSES, N_CONCEPTS, dictionary, head, linear_tail, patches
from worker.effects.contributions import contributions
from worker.effects.curves import class_curves
from worker.effects.importance import ClassTally, PooledImage
from worker.effects.photo import CodedPhoto, code_photo
from worker.effects.targets import Target

N = 40


def photos() -> list[CodedPhoto]:
    return [code_photo(dictionary(), patches(seed)) for seed in range(N)]


def pooled(photo: CodedPhoto, image: int) -> PooledImage:
    return PooledImage(image, photo.tokens.mean(dim=0).numpy(), photo.concepts.numpy(), photo.codes.mean(dim=0).numpy())


def tally(images: list[PooledImage], *, batch: int = 7, n_kept: int = 3) -> ClassTally:
    of = dictionary()
    found = ClassTally(linear_tail(), of.atoms, of.origin, n_kept=n_kept)
    for start in range(0, len(images), batch):
        found.add(images[start : start + batch])
    return found


def test_importance_is_the_mean_of_contributions_and_the_terms_add_up() -> None:
    found = tally([pooled(photo, i) for i, photo in enumerate(photos())])
    of_class: dict[int, list[CodedPhoto]] = {}
    for photo in photos():
        logits = head().weight @ photo.tokens.mean(dim=0).float() + head().bias
        of_class.setdefault(int(logits.argmax()), []).append(photo)
    assert found.counts == {index: len(some) for index, some in sorted(of_class.items())}
    assert sum(found.counts.values()) == N
    assert len(found.counts) > 1
    for one in found.classes():
        some = of_class[one.class_index]
        for concept in range(N_CONCEPTS):
            given_, against = [], []
            for photo in some:
                for target, into in ((Target(one.class_index), given_), (Target(one.class_index, "mean"), against)):
                    parts = contributions(photo, linear_tail(), target)
                    place = parts.concepts.tolist().index(concept) if concept in parts.concepts else None
                    into.append(0.0 if place is None else float(parts.values[place]))
            n, mean = len(given_), sum(given_) / len(given_)
            assert one.importance[concept] == pytest.approx(mean, abs=1e-9)
            assert one.contrast[concept] == pytest.approx(sum(against) / n, abs=1e-9)
            if n > 1:
                spread = sum((value - mean) ** 2 for value in given_) / (n - 1)
                assert one.standard_error[concept] == pytest.approx(math.sqrt(spread / n), abs=1e-9)
            else:
                assert math.isnan(one.standard_error[concept])
        whole = [contributions(photo, linear_tail(), Target(one.class_index)) for photo in some]
        assert one.logit == pytest.approx(sum(c.score for c in whole) / len(whole))
        assert one.bias == pytest.approx(whole[0].bias)
        assert one.residual == pytest.approx(sum(c.residual for c in whole) / len(whole), abs=1e-9)
        assert one.bias + one.residual + one.importance.sum() == pytest.approx(one.logit, abs=1e-9)
        leaders = [int(c.concepts[c.values.argmax()]) for c in whole if len(c.values) and float(c.values.max()) > 0]
        assert one.leading.tolist() == [leaders.count(k) for k in range(N_CONCEPTS)]
        probability = [float(linear_tail().logits(p.patches[None])[0].softmax(0)[one.class_index]) for p in some]
        assert one.probability == pytest.approx(sum(probability) / len(some))
        assert one.order() == sorted(one.fires.tolist(), key=lambda k: (-one.contrast[k], k))


@given(st.permutations(range(12)), st.integers(1, 12))
def test_neither_order_nor_batches_matter(order: list[int], batch: int) -> None:
    images = some_images(12)
    straight, shuffled = tally(images), tally([images[i] for i in order], batch=batch)
    assert straight.counts == shuffled.counts
    for one, other in zip(straight.classes(), shuffled.classes(), strict=True):
        np.testing.assert_allclose(one.importance, other.importance, atol=1e-9)
        np.testing.assert_allclose(one.standard_error, other.standard_error, atol=1e-6)
        kept, again = straight.kept(one.class_index), shuffled.kept(one.class_index)
        assert len(kept) == min(3, one.n_images)
        for a, b in zip(kept, again, strict=True):
            torch.testing.assert_close(a.patches, b.patches)


def some_images(n: int) -> list[PooledImage]:
    rng = np.random.default_rng(0)
    width = dictionary().width
    images = []
    for image in range(n):
        concepts = np.sort(rng.choice(N_CONCEPTS, 4, replace=False)).astype(np.int64)
        images.append(PooledImage(image, rng.normal(10, 2, width), concepts, rng.random(4) + 0.1))
    return images


def test_images_that_are_kept_predict_as_whole_photos_do() -> None:
    whole = photos()
    found = tally([pooled(photo, i) for i, photo in enumerate(whole)], n_kept=N)
    for index in found.counts:
        for photo in found.kept(index):
            (same,) = [p for p in whole if torch.allclose(p.tokens.mean(dim=0), photo.tokens[0])]
            one, other = (contributions(p, linear_tail(), Target(index)) for p in (photo, same))
            torch.testing.assert_close(one.values, other.values)
            assert one.residual == pytest.approx(other.residual, abs=1e-9)


def test_curves_are_those_of_the_images_that_are_kept() -> None:
    found = tally([pooled(photo, i) for i, photo in enumerate(photos())], n_kept=5)
    for one in found.classes(least=2):
        slow = class_curves(
            ((photo, linear_tail()) for photo in found.kept(one.class_index)),
            one.class_index,
            order=one.order(),
            seed=4,
        )
        fast = found.curves(one.class_index, seed=4)
        assert fast.n_images == slow.n_images == min(5, one.n_images)
        for a, b in zip(fast.curves, slow.curves, strict=True):
            assert (a.order, a.walk) == (b.order, b.walk)
            np.testing.assert_allclose(a.probability, b.probability, atol=1e-9)
            np.testing.assert_allclose(a.standard_error, b.standard_error, atol=1e-9)
            assert (a.area, a.area_spread) == pytest.approx((b.area, b.area_spread))
        for name in ("whole", "through", "remainder"):
            assert getattr(fast, name) == pytest.approx(getattr(slow, name))


def test_classes_with_few_images_can_be_left_out_and_nothing_is_nothing() -> None:
    found = tally(some_images(30))
    for least in (1, 3, 31):
        expected = [index for index, n in found.counts.items() if n >= least]
        assert [one.class_index for one in found.classes(least=least)] == expected
    empty = tally([])
    assert list(empty.classes()) == []
    silent = PooledImage(0, np.full(dictionary().width, 10.0), np.zeros(0, dtype=np.int64), np.zeros(0))
    (only,) = tally([silent]).classes()
    assert only.fires.tolist() == only.order() == []
    assert only.bias + only.residual == pytest.approx(only.logit)
    assert 0 <= only.class_index < N_CLASSES
