"""Is it alive, can it serve."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from app.site import SiteDep
from store.version import VERSION

router = APIRouter(tags=["service"])


@router.get("/healthz", operation_id="get_health")
def health() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "ok", "version": VERSION}, headers={"Cache-Control": "no-store"})


@router.get("/readyz", operation_id="get_readiness")
def readiness(site: SiteDep) -> JSONResponse:
    """The catalog can be read."""
    n = len(site.roster.entries())
    return JSONResponse({"status": "ready", "n_dictionaries": n}, headers={"Cache-Control": "no-store"})
