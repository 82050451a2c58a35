"""Workers."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.access.needs import needs
from app.answers import data_answer
from app.api.wrap import wrap
from app.makers.jobs import make_workers
from app.params import read_params
from app.site import SiteDep
from app.views.envelope import Envelope
from app.views.jobs import WorkerView
from store.vocabulary import Scope

router = APIRouter(prefix=f"{urls.API}/workers", tags=["jobs"], dependencies=[needs(Scope.JOBS, counts="reads")])


@router.get("", operation_id="list_workers", responses={200: {"model": Envelope[tuple[WorkerView, ...]]}})
def workers(request: Request, site: SiteDep) -> Response:
    """All workers ever seen, the living first."""
    read_params(request)
    return data_answer(wrap(request, make_workers(site), html=urls.jobs()))
