"""``python -m app``: serves the explorer of a store."""

import argparse
import logging
import socket
import sys
from types import FrameType
from typing import Final

import uvicorn

from app.main import make_app
from app.site import Site
from store.errors import ConceptoscopeError
from store.listening import bind
from store.settings import Settings
from store.thrift import share_arenas

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
    given = parser.parse_args(arguments)
    return Settings(host=given.host, port=given.port, store=given.store)


def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve a store on a listening socket until interrupted; raises a domain error when the store cannot be used."""
    app = make_app(settings)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell which photos are asked about
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=_END_WITHIN_S
    )
    Server(config).run(sockets=[listening])


if __name__ == "__main__":
    sys.exit(main())
