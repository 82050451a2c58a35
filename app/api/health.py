"""Is it alive, can it serve, how does it do. All three answer also when every thread waits for something else."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.answers import json_answer
from app.views.health import ReadinessView
from app.watch.watch import Watch
from store.version import VERSION

router = APIRouter(tags=["service"])
_NO_STORE = {"Cache-Control": "no-store"}


async def _watch_of(request: Request) -> Watch:
    return cast(Watch, request.app.state.watch)


WatchDep = Annotated[Watch, Depends(_watch_of)]


@router.get("/healthz", operation_id="get_health")
async def health() -> JSONResponse:
    """The process answers; nothing else is touched."""
    return JSONResponse({"status": "ok", "version": VERSION}, headers=_NO_STORE)


@router.get(
    "/readyz", operation_id="get_readiness", responses={200: {"model": ReadinessView}, 503: {"model": ReadinessView}}
)
async def readiness(watch: WatchDep) -> Response:
    """Whether this program can serve, part by part; 503 when it cannot."""
    view = await watch.readiness.view()
    response = json_answer(view, status=200 if view.status == "ready" else 503)
    response.headers.update(_NO_STORE)
    return response


@router.get("/metrics", operation_id="get_prometheus_metrics", response_class=PlainTextResponse)
async def metrics(watch: WatchDep) -> Response:
    """Numbers for Prometheus."""
    return Response(await watch.metrics(), media_type=CONTENT_TYPE_PLAIN_0_0_4, headers=_NO_STORE)
