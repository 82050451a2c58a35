"""The encoder as a program: it listens for the web program until it is told to end."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn

from store.artifacts import check_writable, open_artifacts
from store.catalog.session import Catalog
from store.errors import InvalidInput
from store.listening import bind
from store.settings import Settings
from store.thrift import share_arenas
from worker.device import pick_device
from worker.encoder.admission import Admission
from worker.encoder.decoder.pool import Decoders, Limits
from worker.encoder.desk import Desk
from worker.encoder.figures import Figures
from worker.encoder.web import Face, make_service

log = logging.getLogger(__name__)

_END_WITHIN_S: Final = 10
_LEAST_SECRET: Final = 16
_OTHER_PORT: Final = "Choose another by CONCEPTOSCOPE_ENCODER_PORT, the same for the web program."


def serve(settings: Settings, *, device: str | None = None, weights: Sequence[Path] = ()) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``InvalidInput`` without a secret, ``Unavailable`` for a used port."""
    secret = settings.encoder_secret.get_secret_value() if settings.encoder_secret else ""
    if len(secret) < _LEAST_SECRET:
        raise InvalidInput(
            f"The encoder needs a secret of {_LEAST_SECRET} characters or more that the web program knows, too: set "
            "CONCEPTOSCOPE_ENCODER_SECRET or its file, or let `conceptoscope up` make one."
        )
    check_writable(settings.store)
    share_arenas()
    with bind(settings.encoder_host, settings.encoder_port, remedy=_OTHER_PORT) as listening:
        face = make_face(settings, secret=secret, device=device, weights=weights)
        config = uvicorn.Config(
            make_service(face),
            log_level="warning",
            access_log=False,
            server_header=False,
            loop="asyncio",  # uvloop, where it is installed, cannot start the decoders in a group of their own
            timeout_graceful_shutdown=_END_WITHIN_S,
        )
        log.info("the encoder listens on %s:%d (%s)", *listening.getsockname()[:2], face.desk.device)
        uvicorn.Server(config).run(sockets=[listening])


def make_face(settings: Settings, *, secret: str, device: str | None = None, weights: Sequence[Path] = ()) -> Face:
    """The service over a store, not started yet."""
    limits = Limits(settings.upload_bytes, settings.upload_pixels)
    desk = Desk(
        open_artifacts(settings),
        Catalog(settings.catalog_url),
        device=pick_device(device),
        decoders=Decoders(limits, n=settings.encoder_decoders),
        budget_bytes=settings.encoder_memory_bytes,
        weights=weights,
    )
    admission = Admission(settings.encoder_queue, within_s=settings.encoder_patience_s)
    return Face(desk, admission, Figures(desk, admission), secret)
