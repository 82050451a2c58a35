"""``python -m app``: serves the explorer of a store."""

import argparse
import logging
import socket
import sys
from types import FrameType
from typing import Final

import uvicorn

from app.main import make_app
from app.patience import Patient
from app.site import Site
from store.audit import keep_in
from store.catalog.tokens import list_tokens
from store.errors import ConceptoscopeError
from store.listening import bind
from store.settings import Settings
from store.thrift import share_arenas
from store.vocabulary import Access

log = logging.getLogger(__name__)

_END_WITHIN_S: Final = 10
_OTHER_PORT: Final = "Choose another with --port, or --port 0 for a free one."


class Server(uvicorn.Server):
    """Says the address once it really listens; streams of events end as soon as the program is asked to end."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets=sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            sys.stdout.write(f"Conceptoscope is at http://{name}:{port}/\n")
            sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams, then as usual."""
        site: Site = self.config.app.state.site  # type: ignore[union-attr]
        site.streams.ending.set()
        super().handle_exit(sig, frame)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a whole number from 0 to 65535, not '{text}'")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; exit code 2 with one clear line on a person's mistake."""
    share_arenas()
    try:
        settings = _settings(arguments)
        settings.chosen_access  # noqa: B018 it raises, before a port is taken
        with bind(settings.host, settings.port, remedy=_OTHER_PORT) as listening:
            serve(settings, listening)
    except ConceptoscopeError as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    return 0


def _settings(arguments: list[str] | None) -> Settings:
    """Settings with what the command line gives."""
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m app", description="Serve the explorer of a store.")
    parser.add_argument("--host", default=defaults.host)
    parser.add_argument("--port", type=_port, default=defaults.port, help="0 takes a free one")
    parser.add_argument("--store", default=defaults.store, help="folder of artifacts and catalog")
    parser.add_argument("--access", choices=[str(one) for one in Access], default=defaults.access, help="who may visit")
    parser.add_argument(
        "--read-only-public", dest="access", action="store_const", const=Access.READ_ONLY_PUBLIC, help="all may look"
    )
    given = parser.parse_args(arguments)
    return Settings(host=given.host, port=given.port, store=given.store, access=given.access)


def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve a store on a listening socket until interrupted; raises a domain error when the store cannot be used."""
    app = make_app(settings)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell which photos are asked about
    keep_in(settings.audit_log)
    _tell_who_may_visit(app.state.site)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # Places believes those that are stated
        http=Patient,
        ws="none",
        timeout_graceful_shutdown=_END_WITHIN_S,
    )
    Server(config).run(sockets=[listening])


def _tell_who_may_visit(site: Site) -> None:
    """What whoever opens the program to others should not overlook."""
    settings = site.settings
    if settings.chosen_access is Access.LOCAL:
        if not settings.is_here:
            log.warning("whoever reaches port %d of %s is trusted: let only this machine", settings.port, settings.host)
        return
    with site.catalog.session() as session:
        n = sum(row.revoked_at is None for row in list_tokens(session))
    if not n:
        log.warning("there is no token yet: conceptoscope tokens create NAME --scope read")


if __name__ == "__main__":
    sys.exit(main())
