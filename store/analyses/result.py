"""What an analysis holds: what was asked and the small results, and the arrays beside them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int32
from pydantic import Field

from store.encoding.contract import CollectionPhoto, Message, PhotoFacts, StreamFacts
from store.encoding.effects import EffectFacts
from store.errors import NotFound


class Neighbour(Message):
    """An image of the collection with concepts like the photo's."""

    image: str = Field(description="public id")
    likeness: float = Field(description="cosine of the square roots of mean codes, in (0, 1]")


class Explained(Message):
    """What one dictionary says of the photo: its streams, of a universal one all models together first."""

    slug: str
    digest: str
    atlas: str
    title: str
    streams: tuple[StreamFacts, ...]
    effects: EffectFacts
    n_images: int = Field(description="images of the collection that percentiles compare with")
    nearest: tuple[Neighbour, ...]
    stream_effects: tuple[EffectFacts, ...] = Field((), description="of the models of a universal dictionary")

    def seen_by(self, stream: int) -> "Explained":
        """The same in the eyes of one model of a universal dictionary; 0 is what it is; raises ``NotFound``."""
        if not stream:
            return self
        if stream > len(self.stream_effects):
            raise NotFound("stream", str(stream), remedy=f"There are the streams 0 to {len(self.stream_effects)}.")
        seen = {"streams": (self.streams[stream],), "effects": self.stream_effects[stream - 1]}
        return self.model_copy(update=seen | {"stream_effects": ()})

    @property
    def facts(self) -> StreamFacts:
        """How the photo was seen: by the model, or by the models of a universal dictionary together."""
        return self.streams[0]


class AnalysisResult(Message):
    """All of an analysis but its arrays and its photo."""

    source: CollectionPhoto | None = Field(description="None for a visitor's photo")
    photo: PhotoFacts = Field(description="what was explained: the kept copy, or the collection's image")
    copy_width: int
    copy_height: int
    dictionaries: tuple[Explained, ...]


@dataclass(frozen=True)
class Codes:
    """The codes of one dictionary; ``p`` patches row by row, ``a`` slots strongest first, ``c`` active concepts.

    ``percentile`` is the share of the collection's images with a smaller peak; ``contribution`` is in logits, and
    ``parts`` what each slot has of it; both are empty where there are no effects. ``prefix_...`` are the slots of class
    tokens and registers, where the dictionary reads them.
    """

    indices: Int32[np.ndarray, "p a"]
    values: Float32[np.ndarray, "p a"]
    concepts: Int32[np.ndarray, " c"]
    pooled: Float32[np.ndarray, " c"]
    peak: Float32[np.ndarray, " c"]
    peak_patch: Int32[np.ndarray, " c"]
    percentile: Float32[np.ndarray, " c"]
    contribution: Float32[np.ndarray, " c_or_0"]
    parts: Float32[np.ndarray, "p_or_0 a_or_0"]
    prefix_indices: Int32[np.ndarray, "q b"]
    prefix_values: Float32[np.ndarray, "q b"]

    def map_of(self, concept: int) -> Float32[np.ndarray, " p"]:
        """A concept's code at every patch, zeros where it is silent."""
        found: Any = np.where(self.indices == concept, self.values, 0)
        summed: np.ndarray[Any, Any] = found.max(axis=1) if found.shape[1] else np.zeros(len(found))
        return summed.astype(np.float32)

    def part_of(self, concept: int | None) -> Float32[np.ndarray, " p_or_0"]:
        """What a concept, or all of them, adds to the score on every patch."""
        chosen: Any = self.parts if concept is None else np.where(self.indices == concept, self.parts, 0)
        summed: np.ndarray[Any, Any] = chosen.sum(axis=1, dtype=np.float32)
        return summed

    @property
    def has_parts(self) -> bool:
        """Whether it is known what each patch adds."""
        return self.parts.shape == self.indices.shape and self.parts.size > 0


NAMES = tuple(Codes.__dataclass_fields__)
LATER = {"parts": np.float32, "prefix_indices": np.int32, "prefix_values": np.float32}
"""Arrays that older programs did not keep: they are empty then."""
