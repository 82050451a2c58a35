"""Who asks, and what they may."""

from typing import cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.access.judge import Judge
from app.access.needs import needs
from app.access.who import who_asks
from app.answers import PRIVATE, json_answer
from app.api.wrap import wrap
from app.makers.access import make_access
from app.params import read_params
from app.views.access import AccessView
from app.views.envelope import Envelope

router = APIRouter(prefix=urls.api_access(), tags=["service"])


@router.get(
    "",
    operation_id="get_access",
    dependencies=[needs(None, counts="reads")],
    responses={200: {"model": Envelope[AccessView]}},
)
def access(request: Request) -> Response:
    """Who asks, and what they may; a token that opens nothing is refused (401)."""
    read_params(request)
    judge = cast(Judge, request.app.state.judge)
    response = json_answer(wrap(request, make_access(who_asks(), judge.access), html=urls.login()))
    response.headers["Cache-Control"] = PRIVATE
    return response
