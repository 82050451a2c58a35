"""Predictions with and without the dictionary in between."""

import math

import pytest
import torch

from tests.worker.effects.scenes import dictionary, head, linear_tail, patches, photo
from worker.effects.predictions import Prediction, Through, through_dictionary


def test_both_predictions_are_what_they_say() -> None:
    found = through_dictionary(photo("kmeans"), linear_tail())
    own = head().weight @ patches().mean((0, 1)) + head().bias
    of = dictionary("kmeans")
    through = head().weight @ of.decode(of.encode(patches().flatten(0, 1))).mean(dim=0) + head().bias
    torch.testing.assert_close(found.original.logits.float(), own, rtol=0, atol=1e-4)
    torch.testing.assert_close(found.reconstructed.logits.float(), through, rtol=0, atol=1e-4)
    p, q = (one.double().softmax(dim=0).tolist() for one in (own, through))
    assert found.divergence == pytest.approx(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)), abs=1e-4)
    assert found.same_top == (int(own.argmax()) == int(through.argmax()))
    assert found.divergence > 0


def test_classes_by_probability() -> None:
    found = Prediction(torch.tensor([1.0, 3.0, 2.0, 3.0], dtype=torch.float64))
    assert found.classes(3) == [1, 3, 2]
    assert found.top == 1
    assert float(found.probabilities.sum()) == pytest.approx(1)
    assert Through(found, found).divergence == 0
