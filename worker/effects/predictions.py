"""What the model predicts from a photo, and what from the dictionary's reconstruction of it: never the same thing."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from worker.effects.photo import CodedPhoto
from worker.effects.tails import Tail


@dataclass(frozen=True)
class Prediction:
    """Logits of all classes and what follows from them."""

    logits: Float64[Tensor, " c"]

    @property
    def probabilities(self) -> Float64[Tensor, " c"]:
        """``softmax(logits)``."""
        return self.logits.softmax(dim=0)

    @property
    def top(self) -> int:
        """The most probable class."""
        return int(self.logits.argmax())

    def classes(self, n: int) -> list[int]:
        """The n most probable classes, most probable first; equal ones by index."""
        return torch.sort(self.logits, descending=True, stable=True).indices[:n].tolist()


@dataclass(frozen=True)
class Through:
    """The prediction of the photo as it is beside that of its reconstruction, where the error is left out."""

    original: Prediction
    reconstructed: Prediction

    @property
    def same_top(self) -> bool:
        """Whether both name the same class first."""
        return self.original.top == self.reconstructed.top

    @property
    def divergence(self) -> float:
        """``KL(p || q) = sum p (log p - log q)`` in nats, of original p and reconstructed q; 0 when they are equal."""
        p, q = (one.logits.log_softmax(dim=0) for one in (self.original, self.reconstructed))
        return max(0.0, float((p.exp() * (p - q)).sum()))


def through_dictionary(photo: CodedPhoto, tail: Tail) -> Through:
    """Both predictions of one photo."""
    original, reconstructed = tail.logits(torch.stack([photo.patches, photo.reconstruction]))
    return Through(Prediction(original), Prediction(reconstructed))
