"""The encoder as the web program sees it: questions with a deadline, and a fault of its own for each way to fail."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, SecretStr, ValidationError

from store.encoding.contract import (
    CollectionPhoto,
    Encoded,
    EncodeRequest,
    EncoderState,
    KnownPhoto,
    PhotoSource,
    UploadedPhoto,
    pack_request,
    read_encoded,
)
from store.encoding.effects import Effects, EffectsRequest, read_effects
from store.encoding.parcel import MEDIA_TYPE, Array, Parcel, blob, unpack
from store.encoding.refusals import (
    EncoderCut,
    EncoderDown,
    EncoderFailed,
    EncoderSlow,
    EncoderUnavailable,
    Refusal,
    fault_of,
)
from store.errors import ConceptoscopeError, Damaged
from store.settings import Settings

if TYPE_CHECKING:
    import httpx  # 9 MB with all that it imports, and needed only where there is an encoder

_CONNECT_S: Final = 2.0
_GRACE_S: Final = 2.0
"""The encoder gives up first, and says so in words."""
_LOOK_S: Final = 1.5
_NOT_SET_UP: Final = (
    "There is no encoder, so photos of your own cannot be explained here. Start one with `conceptoscope up`, or set "
    "CONCEPTOSCOPE_ENCODER_SECRET for it and for the web program."
)
_DOWN: Final = "The encoder does not answer, so photos of your own cannot be explained now. Everything else works."

Photo = bytes | CollectionPhoto | KnownPhoto


@dataclass(frozen=True)
class Asked:
    """What is asked about effects; ``strength`` are the columns density and energy of the dictionary's atlas."""

    dictionaries: tuple[str, ...]
    stream: int | None = None
    class_index: int | None = None
    contributions: bool = True
    edits: str = ""
    strength: Mapping[str, Array] | None = None
    occlude: tuple[int, ...] = ()
    """Concepts to take away one at a time, the first of them patch by patch, too."""


@dataclass(frozen=True)
class _Place:
    address: str
    secret: SecretStr | None
    patience_s: float

    @property
    def is_known(self) -> bool:
        """Whether there is a secret."""
        return self.secret is not None and bool(self.secret.get_secret_value())

    def headers(self) -> dict[str, str]:
        """What shows that we know the secret; raises ``EncoderDown`` when there is none."""
        if self.secret is None or not self.is_known:
            raise EncoderDown(_NOT_SET_UP)
        return {"Authorization": f"Bearer {self.secret.get_secret_value()}"}


class Encoder:
    """Asks the encoder. Whoever cancels a question makes the encoder drop the work.

    Every question raises ``EncoderDown``, ``EncoderBusy``, ``EncoderSlow``, ``EncoderCut`` or ``EncoderFailed`` (all
    ``Unavailable``), or what the encoder found wrong: ``PhotoRefused``, ``PhotoGone``, ``NotFound``, ``InvalidInput``,
    ``Unavailable``.
    """

    def __init__(self, settings: Settings) -> None:
        self._place = _Place(settings.encoder_address, settings.encoder_secret, settings.encoder_patience_s)
        self._client: httpx.AsyncClient | None = None
        self.outcomes: Counter[str] = Counter()
        """Questions about photos: ``answered``, or the name of the fault."""

    @property
    def is_set_up(self) -> bool:
        """Whether there is a secret, without which nothing can be asked."""
        return self._place.is_known

    async def encode(
        self,
        photo: Photo,
        dictionaries: Sequence[str],
        *,
        n_classes: int = 5,
        copy_px: int | None = None,
        within_s: float | None = None,
    ) -> Encoded:
        """The codes of a photo in some dictionaries, by their digests, and a copy of it where its size is given."""
        request = EncodeRequest(
            photo=source_of(photo),
            dictionaries=tuple(dictionaries),
            n_classes=n_classes,
            copy_px=copy_px,
            within_s=within_s,
        )
        return read_encoded(await self.ask("/encode", request, photo=photo, within_s=within_s))

    async def effects(self, photo: Photo, asked: Asked) -> Effects:
        """What concepts of some dictionaries do to the prediction, and what edits do."""
        request = EffectsRequest(
            photo=source_of(photo),
            dictionaries=asked.dictionaries,
            stream=asked.stream,
            class_index=asked.class_index,
            contributions=asked.contributions,
            edits=asked.edits,
            occlude=asked.occlude,
            occlude_map=bool(asked.occlude),
        )
        return read_effects(await self.ask("/effects", request, photo=photo, arrays=asked.strength))

    async def ask(
        self,
        path: str,
        request: BaseModel,
        *,
        photo: Photo | None = None,
        arrays: Mapping[str, Array] | None = None,
        within_s: float | None = None,
    ) -> Parcel:
        """Any question about a photo, and what comes back."""
        body = pack_request(request, photo=blob(photo) if isinstance(photo, bytes) else None, arrays=arrays)
        limit_s = min(within_s or self._place.patience_s, self._place.patience_s) + _GRACE_S
        try:
            answer = unpack(await self._send("POST", path, body=body, limit_s=limit_s))
        except Damaged as fault:
            self.outcomes[EncoderCut.__name__] += 1
            raise EncoderCut("The encoder's answer is not whole. Try again.") from fault
        except (ConceptoscopeError, asyncio.CancelledError) as fault:
            self.outcomes[type(fault).__name__] += 1
            raise
        self.outcomes["answered"] += 1
        return answer

    async def forget(self, sha256: str) -> None:
        """Let the encoder drop what it still keeps of a photo."""
        await self._send("DELETE", f"/photos/{sha256}", limit_s=_GRACE_S)

    async def forget_quietly(self, sha256: str) -> None:
        """The same where it is no matter if there is no encoder: it forgets by itself after a while."""
        with contextlib.suppress(EncoderUnavailable):
            await self.forget(sha256)

    async def state(self) -> EncoderState:
        """How the encoder stands."""
        return _state(await self._send("GET", "/state", limit_s=_LOOK_S))

    def look(self) -> EncoderState:
        """The same, for a thread."""
        headers = self._place.headers()
        import httpx

        try:
            response = httpx.get(f"{self._place.address}/state", headers=headers, timeout=_LOOK_S, trust_env=False)
        except httpx.HTTPError as fault:
            raise _gone(fault, limit_s=_LOOK_S) from fault
        return _state(_content(response))

    async def close(self) -> None:
        """Release connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _send(self, method: str, path: str, *, body: bytes | None = None, limit_s: float) -> bytes:
        headers = self._place.headers() | ({"Content-Type": MEDIA_TYPE} if body is not None else {})
        import httpx

        timeout = httpx.Timeout(limit_s, connect=_CONNECT_S)
        try:
            client = self._opened()
            response = await client.request(method, path, content=body, headers=headers, timeout=timeout)
        except httpx.HTTPError as fault:
            raise _gone(fault, limit_s=limit_s) from fault
        return _content(response)

    def _opened(self) -> "httpx.AsyncClient":
        """Connections are made by the loop that first asks."""
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(base_url=self._place.address, trust_env=False)
        return self._client


def source_of(photo: Photo) -> PhotoSource:
    """How a request names a photo."""
    return UploadedPhoto() if isinstance(photo, bytes) else photo


def _content(response: "httpx.Response") -> bytes:
    if response.status_code == 200:
        return response.content
    try:
        refusal = Refusal.model_validate_json(response.content)
    except ValidationError as fault:
        raise EncoderFailed(f"Whoever answers in the encoder's place says {response.status_code}.") from fault
    raise fault_of(refusal)


def _state(content: bytes) -> EncoderState:
    try:
        return EncoderState.model_validate_json(content)
    except ValidationError as fault:
        raise EncoderFailed("The encoder is of another version than the web program. Restart both.") from fault


def _gone(fault: "httpx.HTTPError", *, limit_s: float) -> EncoderDown | EncoderSlow | EncoderCut:
    import httpx

    match fault:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.UnsupportedProtocol():
            return EncoderDown(_DOWN)
        case httpx.TimeoutException():
            return EncoderSlow(f"The encoder gave no answer within {limit_s:g} s. Try again in a moment.")
        case _:
            return EncoderCut("The encoder ended in the middle of the answer. Try again: it is started anew.")
