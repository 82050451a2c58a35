"""Puts the web program together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import urls
from app.access.guard import Guard
from app.access.judge import Judge
from app.api import routers as api_routers
from app.bodies import LimitBody
from app.description import describe
from app.errors import install_error_handlers
from app.headers import Compress, Headers
from app.pages import routers as page_routers
from app.site import make_site
from app.sweeping import sweep_often, sweep_once
from app.uploads import ROOM_BYTES
from app.watch.requests import Measure
from app.watch.watch import Watch
from store.settings import Settings
from store.version import VERSION


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
    app.state.site = site
    app.state.watch = watch = Watch(site)
    photos = int(site.settings.upload_bytes) + ROOM_BYTES
    app.add_middleware(LimitBody, larger={urls.api_analyses(): photos, urls.analyze(): photos})
    app.add_middleware(Compress)
    app.state.judge = judge = Judge(settings, site.catalog, (*api_routers, *page_routers))
    app.add_middleware(Guard, judge=judge)
    app.add_middleware(Measure, tally=watch.tally)
    app.add_middleware(Headers)
    install_error_handlers(app)
    routers = (*api_routers, *page_routers)
    for router in routers:
        app.include_router(router)
    app.state.routes = tuple(route for router in routers for route in router.routes)
    describe(app)
    return app
