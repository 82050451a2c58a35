"""The HTTP face, for the web program only, which knows the secret. Bytes, names and secrets are never logged."""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final, TypeVar

from numpy.typing import NDArray
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from store.encoding.contract import PHOTO, Encoded, EncodeRequest, PhotoRequest, StreamCodes, pack_encoded, read_request
from store.encoding.effects import DictionaryEffects, Effects, EffectsRequest, pack_effects
from store.encoding.parcel import MEDIA_TYPE, Parcel, unpack
from store.encoding.refusals import STATUS, PhotoRefused, Reason, Refusal, refusal_of
from store.errors import ConceptoscopeError, Damaged, InvalidInput
from store.version import VERSION
from worker.encoder.admission import Admission
from worker.encoder.codes import encode_studies
from worker.encoder.desk import Desk
from worker.encoder.effects import StudyEffects, effects_of
from worker.encoder.figures import Figures
from worker.encoder.thrift import keep_giving_back

log = logging.getLogger(__name__)

_BODY_ROOM: Final = 2 * 2**20  # for what stands beside the photo: how strong all concepts of a dictionary are
_LEFT: Final = 499  # nobody reads it
R = TypeVar("R", bound=PhotoRequest)
Answerer = Callable[[R, bytes | None, Mapping[str, NDArray[Any]]], Awaitable[bytes]]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True)
class Face:
    """Desk, door and key of the service."""

    desk: Desk
    admission: Admission
    figures: Figures
    secret: str

    def knows(self, request: Request) -> bool:
        """Whether whoever asks knows the secret."""
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {self.secret}".encode())


def make_service(face: Face) -> Starlette:
    """The service; its desk is started and closed with it."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await face.desk.start()
        beside = [asyncio.create_task(work) for work in (_warm(face.desk), keep_giving_back(face.admission))]
        yield
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await face.desk.close()

    async def encode(request: EncodeRequest, upload: bytes | None, _arrays: Mapping[str, NDArray[Any]]) -> bytes:
        return pack_encoded(await encode_photo(face.desk, request, upload))

    async def effects(request: EffectsRequest, upload: bytes | None, arrays: Mapping[str, NDArray[Any]]) -> bytes:
        return pack_effects(await effects_on_photo(face.desk, request, upload, arrays=arrays))

    async def forget(request: Request) -> Response:
        return JSONResponse({"n_forgotten": face.desk.forget(request.path_params["sha256"])})

    async def state(_request: Request) -> Response:
        return JSONResponse(face.figures.state().model_dump(mode="json"))

    async def metrics(_request: Request) -> Response:
        return Response(face.figures.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": VERSION})

    routes = [
        Route("/encode", guarded(face, photo_handler(face, EncodeRequest, encode)), methods=["POST"]),
        Route("/effects", guarded(face, photo_handler(face, EffectsRequest, effects)), methods=["POST"]),
        Route("/photos/{sha256}", guarded(face, forget), methods=["DELETE"]),
        Route("/state", guarded(face, state)),
        Route("/metrics", guarded(face, metrics)),
        Route("/healthz", health),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def _warm(desk: Desk) -> None:
    try:
        n = await desk.warm()
        log.info("%d dictionaries are ready", n)
    except ConceptoscopeError as fault:  # whoever asks for it will be told
        log.warning("not all that pages show could be loaded: %s", fault)
    except Exception:
        log.exception("loading what pages show failed")


async def encode_photo(desk: Desk, request: EncodeRequest, upload: bytes | None) -> Encoded:
    """The codes of a photo; raises what ``Desk.studies`` raises."""
    copy = None
    if request.copy_px is not None:
        copy = await desk.copy(request.photo, upload, copy_px=request.copy_px)
    seen = copy if upload else None
    async with desk.studies(request.photo, request.dictionaries, upload=upload, copy=seen) as (photo, studies):
        streams: list[StreamCodes] = []
        for _, some in groupby(studies, key=lambda study: study.dictionary_digest):
            streams += await desk.passes.compute(partial(encode_studies, list(some), n_classes=request.n_classes))
    return Encoded(photo, tuple(streams), await copy.file if copy else None)


async def effects_on_photo(
    desk: Desk, request: EffectsRequest, upload: bytes | None, *, arrays: Mapping[str, NDArray[Any]]
) -> Effects:
    """What concepts do to the prediction; raises what ``Desk.studies`` raises, and ``BadEdit``, ``NotFound``."""
    wanted = StudyEffects.of(request, arrays)
    async with desk.studies(request.photo, request.dictionaries, upload=upload) as (photo, studies):
        found: list[DictionaryEffects] = []
        for _, some in groupby(studies, key=lambda study: study.dictionary_digest):
            found += await desk.passes.compute(partial(effects_of, list(some), wanted))
    return Effects(photo, tuple(found))


def guarded(face: Face, handler: Handler) -> Handler:
    """A handler for whoever knows the secret; every fault becomes a refusal."""

    async def handle(request: Request) -> Response:
        try:
            if not face.knows(request):
                detail = "This is for the web program, which knows the secret: CONCEPTOSCOPE_ENCODER_SECRET differs."
                return _refused(face, Refusal(reason=Reason.UNAUTHORISED, detail=detail))
            return await handler(request)
        except ConceptoscopeError as fault:
            return _refused(face, refusal_of(fault))
        except ClientDisconnect:
            return PlainTextResponse("", _LEFT)
        except Exception:
            log.exception("%s", request.url.path)
            return _refused(face, Refusal(reason=Reason.FAILED, detail="The encoder made a mistake; its log has more."))

    return handle


def photo_handler(face: Face, kind: type[R], answer: Answerer[R]) -> Handler:
    """A handler of requests about a photo: one of so many at once, in time, and only while somebody waits for it."""

    async def handle(request: Request) -> Response:
        async with face.admission.admitted():
            async with face.admission.timely(None):
                parcel = _parcel(await _body(request, most=face.desk.decoders.limits.max_bytes + _BODY_ROOM))
            asked = read_request(parcel, kind)
            arrays = dict(parcel.arrays)
            photo = arrays.pop(PHOTO, None)
            upload = None if photo is None else photo.tobytes()
            del parcel, photo
            content = await _while_waited_for(request, _timely(face.admission, asked, answer(asked, upload, arrays)))
        if content is None:
            face.figures.n_left += 1
            return PlainTextResponse("", _LEFT)
        return Response(content, media_type=MEDIA_TYPE)

    return handle


async def _timely(admission: Admission, asked: PhotoRequest, answer: Awaitable[bytes]) -> bytes:
    async with admission.timely(asked.within_s):
        return await answer


def _parcel(content: bytes) -> Parcel:
    try:
        return unpack(content)
    except Damaged as fault:
        raise InvalidInput("The request is no whole parcel; docs/encoder.md says what one is.") from fault


async def _body(request: Request, *, most: int) -> bytes:
    """The whole body, never more than ``most`` of it. Raises ``PhotoRefused``."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise InvalidInput("The request does not tell its length.")
    if int(length) > most:
        raise PhotoRefused(Reason.TOO_LARGE, f"The photo is too large: at most {most - _BODY_ROOM:,} bytes are read.")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
    return bytes(content)


async def _while_waited_for(request: Request, work: Coroutine[Any, Any, bytes]) -> bytes | None:
    """The answer, or None when the visitor has left: then the work is dropped."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(face: Face, refusal: Refusal) -> Response:
    face.admission.refused[refusal.reason] += 1
    status = STATUS[refusal.reason]
    headers = {"Cache-Control": "no-store"}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = f"{refusal.retry_after_s:.0f}"
    if HTTPStatus(status) is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(refusal.model_dump(mode="json"), status, headers=headers)
