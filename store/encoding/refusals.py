"""Why the encoder does not do what it was asked: one reason each, the same on both sides."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from store.errors import ConceptoscopeError, InvalidInput, NotFound, Unavailable


class Reason(StrEnum):
    """Why not. The first five are about a photo that a visitor gave."""

    TOO_LARGE = "too-large"
    NOT_AN_IMAGE = "not-an-image"
    TOO_MANY_PIXELS = "too-many-pixels"
    DAMAGED = "damaged"
    DECODER_DIED = "decoder-died"
    PHOTO_GONE = "photo-gone"  # known by its digest only, and forgotten meanwhile: send its bytes again
    NOT_FOUND = "not-found"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"  # weights or a package are missing, or memory is too small
    BUSY = "busy"
    TOO_LATE = "too-late"
    UNAUTHORISED = "unauthorised"
    FAILED = "failed"  # our own mistake; the encoder's log has more


OF_PHOTOS: Final = frozenset(
    {Reason.TOO_LARGE, Reason.NOT_AN_IMAGE, Reason.TOO_MANY_PIXELS, Reason.DAMAGED, Reason.DECODER_DIED}
)
STATUS: Final = {
    Reason.TOO_LARGE: 413,
    Reason.NOT_AN_IMAGE: 415,
    Reason.TOO_MANY_PIXELS: 413,
    Reason.DAMAGED: 422,
    Reason.DECODER_DIED: 422,
    Reason.PHOTO_GONE: 410,
    Reason.NOT_FOUND: 404,
    Reason.INVALID: 400,
    Reason.UNAVAILABLE: 503,
    Reason.BUSY: 503,
    Reason.TOO_LATE: 504,
    Reason.UNAUTHORISED: 401,
    Reason.FAILED: 500,
}
"""What each is in HTTP."""


class Refusal(BaseModel):
    """The body of every answer that is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason
    detail: str
    thing: str = ""  # of what is not found
    name: str = ""
    retry_after_s: float | None = None


_REMOVED: Final = "It has been removed, or never was in this store."


class PhotoRefused(InvalidInput):
    """A photo cannot be used; ``reason`` is one of ``OF_PHOTOS``."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class PhotoGone(NotFound):
    """A photo that was named by its digest is not known any more; its bytes are needed again."""

    def __init__(self, sha256: str) -> None:
        super().__init__("photo in the encoder's memory", sha256[:12], remedy="Send its bytes again.")
        self.sha256 = sha256


class EncoderUnavailable(Unavailable):
    """The encoder gives no answer; the subclasses say how."""

    retry_after_s: float | None = None


class EncoderDown(EncoderUnavailable):
    """Nobody listens, or no encoder is set up."""


class EncoderBusy(EncoderUnavailable):
    """As many requests wait as may."""

    def __init__(self, detail: str, *, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class EncoderSlow(EncoderUnavailable):
    """There was no answer in time."""


class EncoderCut(EncoderUnavailable):
    """The encoder ended in the middle of an answer."""


class EncoderFailed(EncoderUnavailable):
    """The encoder made a mistake of its own, or does not know our secret."""


_REASONS: Final[tuple[tuple[type[ConceptoscopeError], Reason], ...]] = (
    (PhotoGone, Reason.PHOTO_GONE),
    (NotFound, Reason.NOT_FOUND),
    (InvalidInput, Reason.INVALID),
    (EncoderBusy, Reason.BUSY),
    (EncoderSlow, Reason.TOO_LATE),
)
"""The first that fits; any other fault means that something is missing."""
_FAULTS: Final[dict[Reason, Callable[[Refusal], ConceptoscopeError]]] = {
    **{reason: lambda refusal: PhotoRefused(refusal.reason, refusal.detail) for reason in OF_PHOTOS},
    Reason.PHOTO_GONE: lambda refusal: PhotoGone(refusal.name),
    Reason.NOT_FOUND: lambda refusal: NotFound(refusal.thing, refusal.name, remedy=_REMOVED),
    Reason.INVALID: lambda refusal: InvalidInput(refusal.detail),
    Reason.UNAVAILABLE: lambda refusal: Unavailable(refusal.detail),
    Reason.BUSY: lambda refusal: EncoderBusy(refusal.detail, retry_after_s=refusal.retry_after_s or 1.0),
    Reason.TOO_LATE: lambda refusal: EncoderSlow(refusal.detail),
    Reason.UNAUTHORISED: lambda refusal: EncoderFailed(refusal.detail),
    Reason.FAILED: lambda refusal: EncoderFailed(refusal.detail),
}


def refusal_of(fault: ConceptoscopeError) -> Refusal:
    """A domain error as it travels."""
    if isinstance(fault, PhotoRefused):
        return Refusal(reason=fault.reason, detail=str(fault))
    reason = next((reason for kind, reason in _REASONS if isinstance(fault, kind)), Reason.UNAVAILABLE)
    refusal = Refusal(reason=reason, detail=str(fault))
    if isinstance(fault, PhotoGone):
        return refusal.model_copy(update={"name": fault.sha256})
    if isinstance(fault, NotFound):
        return refusal.model_copy(update={"thing": str(fault.thing), "name": fault.name})
    wait_s = fault.retry_after_s if isinstance(fault, EncoderBusy) else None
    return refusal.model_copy(update={"retry_after_s": wait_s})


def fault_of(refusal: Refusal) -> ConceptoscopeError:
    """The domain error that a refusal stands for."""
    return _FAULTS[refusal.reason](refusal)
