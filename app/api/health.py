"""Is it alive, can it serve, how does it do. All three answer also when every thread waits for something else."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.access.needs import needs
from app.access.who import may_now
from app.answers import json_answer
from app.views.health import ReadinessView
from app.watch.watch import Watch
from store.version import VERSION
from store.vocabulary import Scope

router = APIRouter(tags=["service"])
_NO_STORE = {"Cache-Control": "no-store"}


async def _watch_of(request: Request) -> Watch:
    return cast(Watch, request.app.state.watch)


WatchDep = Annotated[Watch, Depends(_watch_of)]


@router.get("/healthz", operation_id="get_health", dependencies=[needs(None, counts=None)])
async def health() -> JSONResponse:
    """The process answers; nothing else is touched."""
    return JSONResponse({"status": "ok", "version": VERSION}, headers=_NO_STORE)


@router.get(
    "/readyz",
    operation_id="get_readiness",
    dependencies=[needs(None, counts="reads")],
    responses={200: {"model": ReadinessView}, 503: {"model": ReadinessView}},
)
async def readiness(watch: WatchDep) -> Response:
    """Whether this program can serve, part by part; 503 when it cannot. Who may not administrate gets states only."""
    view = await watch.readiness.view()
    view = view if may_now(Scope.ADMIN) else view.without_details()
    response = json_answer(view, status=200 if view.status == "ready" else 503)
    response.headers.update(_NO_STORE)
    return response


@router.get(
    "/metrics",
    operation_id="get_prometheus_metrics",
    dependencies=[needs(Scope.ADMIN, counts="reads", open_here=True)],
    response_class=PlainTextResponse,
)
async def metrics(watch: WatchDep) -> Response:
    """Numbers for Prometheus."""
    return Response(await watch.metrics(), media_type=CONTENT_TYPE_PLAIN_0_0_4, headers=_NO_STORE)
