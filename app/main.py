"""Puts the web program together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from app import urls
from app.access.guard import Guard
from app.access.judge import Judge
from app.api import routers as api_routers
from app.bodies import LimitBody
from app.compress import Compress
from app.description import describe
from app.errors import install_error_handlers
from app.headers import Headers
from app.kept import Keep
from app.pages import routers as page_routers
from app.site import Site, make_site
from app.sweeping import sweep_often, sweep_once
from app.touring import Touring
from app.uploads import ROOM_BYTES
from app.watch.requests import Measure
from app.watch.watch import Watch
from store.settings import Settings
from store.version import VERSION

ROUTERS: Final = (*api_routers, *page_routers)


def make_app(settings: Settings | None = None) -> FastAPI:
    """The program over one store; raises a domain error when nobody chose who may visit, or its catalog is away."""
    settings = settings or Settings()
    settings.chosen_access  # noqa: B018 it raises, before anything is opened
    site = make_site(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await sweep_once(site)
        sweeping = asyncio.create_task(sweep_often(site))
        yield
        sweeping.cancel()
        site.streams.ending.set()
        await site.encoder.close()
        site.close()

    app = FastAPI(
        title="Conceptoscope",
        version=VERSION,
        description="Concept dictionaries of vision models and their evidence.",
        openapi_url=urls.api_description(),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    _surround(app, site)
    install_error_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    app.state.routes = tuple(route for router in ROUTERS for route in router.routes)
    describe(app)
    return app


def _surround(app: FastAPI, site: Site) -> None:
    """What every request goes through, the outermost last."""
    app.state.site = site
    app.state.watch = watch = Watch(site)
    app.state.judge = judge = Judge(site.settings, site.catalog, ROUTERS)
    photos = int(site.settings.upload_bytes) + ROOM_BYTES
    app.add_middleware(LimitBody, larger={urls.api_analyses(): photos, urls.analyze(): photos})
    app.add_middleware(Touring)
    app.add_middleware(Compress)
    app.add_middleware(Keep, kept=site.kept)
    app.add_middleware(Guard, judge=judge)
    app.add_middleware(Measure, tally=watch.tally)
    app.add_middleware(Headers)
