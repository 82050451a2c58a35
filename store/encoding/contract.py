"""What is asked of the encoder and what it answers. Arrays stand beside the messages in a ``Parcel``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from jaxtyping import Float32, Int32
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.encoding.parcel import Array, Parcel, blob
from store.errors import Damaged, InvalidInput
from store.grid import Box, Grid, Window
from store.vocabulary import Fit

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MAX_DICTIONARIES = 8
PHOTO = "photo"  # name of the array with a photo's bytes
COPY = "copy"  # name of the array with the bytes of its copy


class Message(BaseModel):
    """Base of all messages: frozen, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UploadedPhoto(Message):
    """A photo whose bytes stand beside the request, as the array ``photo``."""

    kind: Literal["upload"] = "upload"


class CollectionPhoto(Message):
    """An image of a collection, read where the collection was ingested."""

    kind: Literal["image"] = "image"
    collection: Digest
    image: str = Field(pattern=r"^[0-9a-f]{16}$", description="public id of the image")


class KnownPhoto(Message):
    """A photo that the encoder has seen a moment ago, by the SHA-256 of its bytes; ``photo-gone`` when it forgot."""

    kind: Literal["known"] = "known"
    sha256: Digest


PhotoSource = Annotated[UploadedPhoto | CollectionPhoto | KnownPhoto, Field(discriminator="kind")]


class PhotoRequest(Message):
    """What every request about a photo says."""

    photo: PhotoSource
    dictionaries: tuple[Digest, ...] = Field(min_length=1, max_length=MAX_DICTIONARIES)
    within_s: float | None = Field(None, gt=0, description="the encoder's own patience when empty or shorter")


class EncodeRequest(PhotoRequest):
    """``POST /encode``: the codes of one photo in some dictionaries, universal ones too."""

    n_classes: int = Field(5, ge=0, le=1000, description="most likely classes to name")
    copy_px: int | None = Field(
        None,
        ge=64,
        le=2048,
        description="long side of a copy without metadata that is wanted, too; of an upload, it is what is explained",
    )


class PhotoFacts(Message):
    """A decoded photo, turned upright."""

    sha256: Digest
    width: int
    height: int


class ClassScore(Message):
    """One class of a model's head."""

    index: int
    name: str
    probability: float
    logit: float


class StreamFacts(Message):
    """How one model saw the photo, and how well one dictionary tells what it saw.

    ``r2 = 1 - sum |x - x_hat|^2 / sum |x - mean|^2`` over the patches of this photo, with the dictionary's mean; None
    where all patches are that mean, and for the mean of several models. ``l0`` is the mean number of active concepts
    per patch.
    """

    dictionary: Digest
    stream: int = Field(description="1, 2, ... are the models of a universal dictionary, 0 their mean; 0 in others")
    is_mean: bool = Field(False, description="whether these are the mean codes of several models")
    model: str
    layer: str
    n_concepts: int
    grid_rows: int
    grid_cols: int
    height_px: int | None
    width_px: int | None
    fit: Fit | None
    crop_ratio: float | None
    seen: tuple[float, float, float, float] = Field(description="left, top, right, bottom as fractions of the photo")
    r2: float | None
    l0: float
    predicted: tuple[ClassScore, ...] = Field(description="most likely classes; empty for a model without a head")
    n_class: int = Field(0, description="class tokens that the dictionary reads beside patches")
    n_register: int = Field(0, description="register tokens that it reads")

    @property
    def grid(self) -> Grid:
        """The arrangement of the patches."""
        return Grid(self.grid_rows, self.grid_cols)

    @property
    def window(self) -> Window | None:
        """The model's input window; None for the mean of several models."""
        if self.height_px is None or self.width_px is None or self.fit is None or self.crop_ratio is None:
            return None
        return Window(self.height_px, self.width_px, fit=self.fit, crop_ratio=self.crop_ratio)

    @property
    def box(self) -> Box:
        """What the grid covers of the photo."""
        return Box(*self.seen)


@dataclass(frozen=True)
class StreamCodes:
    """One dictionary's codes of the photo, in the eyes of one model, in the unit of the atlas.

    For a universal dictionary these are the common codes, and stream 0 is the mean over its models.

    ``indices`` and ``values`` hold ``a`` slots per patch, strongest first; a slot without a concept has the value 0.
    ``concepts`` are the active ones by index; ``pooled`` is the mean code over all patches, ``peak`` the largest code,
    ``peak_patch`` where it is (row times columns plus column; the first of equals).
    """

    facts: StreamFacts
    indices: Int32[np.ndarray, "p a"]
    values: Float32[np.ndarray, "p a"]
    concepts: Int32[np.ndarray, " c"]
    pooled: Float32[np.ndarray, " c"]
    peak: Float32[np.ndarray, " c"]
    peak_patch: Int32[np.ndarray, " c"]
    prefix_indices: Int32[np.ndarray, "q b"]
    """The same slots of class tokens, then of registers, for a dictionary that reads all tokens; otherwise empty."""
    prefix_values: Float32[np.ndarray, "q b"]


@dataclass(frozen=True)
class Encoded:
    """The answer to ``EncodeRequest``: in the order of the dictionaries, each once; of a universal one, mean first."""

    photo: PhotoFacts
    streams: tuple[StreamCodes, ...]
    copy: bytes | None = None
    """A lossless WebP with nothing but pixels, where one was asked for; ``photo`` tells of it if it is of an upload."""

    def of(self, dictionary: str) -> tuple[StreamCodes, ...]:
        """The streams of one dictionary."""
        return tuple(one for one in self.streams if one.facts.dictionary == dictionary)


class _EncodedMessage(Message):
    photo: PhotoFacts
    streams: tuple[StreamFacts, ...]


_ARRAYS = ("indices", "values", "concepts", "pooled", "peak", "peak_patch", "prefix_indices", "prefix_values")
M = TypeVar("M", bound=BaseModel)


def pack_request(request: BaseModel, *, photo: Array | None = None, arrays: Mapping[str, Array] | None = None) -> bytes:
    """A request with the bytes of its photo, and other arrays that it needs."""
    return Parcel(
        request.model_dump(mode="json"), {**(arrays or {}), **({} if photo is None else {PHOTO: photo})}
    ).pack()


def read_request(parcel: Parcel, kind: type[M]) -> M:
    """The request of that kind; raises ``InvalidInput`` naming the field, never its value."""
    try:
        return kind.model_validate(parcel.message)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "request"
        raise InvalidInput(f"{where}: {first['msg'].removeprefix('Value error, ')}.") from None


def pack_encoded(encoded: Encoded) -> bytes:
    """The answer as it travels."""
    message = _EncodedMessage(photo=encoded.photo, streams=tuple(one.facts for one in encoded.streams))
    arrays = {f"{i}.{name}": getattr(one, name) for i, one in enumerate(encoded.streams) for name in _ARRAYS}
    if encoded.copy is not None:
        arrays[COPY] = blob(encoded.copy)
    return Parcel(message.model_dump(mode="json"), arrays).pack()


def read_encoded(parcel: Parcel) -> Encoded:
    """The answer as it was; raises ``Damaged``."""
    try:
        message = _EncodedMessage.model_validate(parcel.message)
        streams = tuple(_stream(facts, parcel.arrays, i) for i, facts in enumerate(message.streams))
    except (ValidationError, KeyError) as fault:
        raise Damaged("The encoder's answer cannot be read; are web program and encoder of one version?") from fault
    copy = parcel.arrays.get(COPY)
    return Encoded(message.photo, streams, None if copy is None else copy.tobytes())


def _stream(facts: StreamFacts, arrays: Mapping[str, Any], place: int) -> StreamCodes:
    return StreamCodes(facts, **{name: arrays[f"{place}.{name}"] for name in _ARRAYS})


class EncoderState(Message):
    """``GET /state``: how the encoder stands."""

    version: str
    device: str
    n_waiting: int
    n_waiting_max: int
    held: tuple[str, ...] = Field(description="models and dictionaries in memory")
    held_bytes: int
    budget_bytes: int
    n_decoders: int
    n_decoder_deaths: int
    n_requests: int
    n_refused: Mapping[str, int] = Field(description="by reason")
    rss_bytes: int | None
