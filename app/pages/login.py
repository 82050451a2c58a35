"""Where a browser is signed in by a token, and signed out."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, cast

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.access.browsers import forget, keep, session_of
from app.access.guard import PLACE, SIGNED_IN
from app.access.judge import Judge
from app.access.needs import needs
from app.access.places import Place
from app.access.refusals import Refusal
from app.access.who import who_asks
from app.answers import PRIVATE, page_answer
from app.bodies import FormBody
from app.makers.access import inside, make_login
from app.makers.frames import plain_frame
from app.params import Param, read_params
from app.site import Site, SiteDep
from store.catalog.tokens import add_browser, remove_browser
from store.secrets import Secret, Use

router = APIRouter(include_in_schema=False)
_NEXT = Param("next", "Address to go on with.")
_OUT = Param("out", "Say that the browser was signed out.", ("1",))


async def _judge_of(request: Request) -> Judge:
    return cast(Judge, request.app.state.judge)


JudgeDep = Annotated[Judge, Depends(_judge_of)]


@router.get("/login", dependencies=[needs(None, counts="reads")])
def form(request: Request, site: SiteDep, *, judge: JudgeDep) -> Response:
    """The form, or who is signed in."""
    values = read_params(request, _NEXT, _OUT, display=True)
    return _page(request, site, judge, going_on=values["next"], said="You are signed out." if values["out"] else "")


@router.post("/login", dependencies=[needs(None)])
async def sign_in(request: Request, site: SiteDep, *, judge: JudgeDep, given: FormBody) -> Response:
    """Take a token, give the browser a session; or the form again with what is wrong."""
    place: Place = request.scope[PLACE]
    going_on = given.get("next", "")
    try:
        who = await judge.holder(given.get("token", "").strip(), place)
    except Refusal as fault:
        show = partial(_page, request, site, judge, going_on=going_on, fault=str(fault), status=fault.status)
        response = await run_in_threadpool(show)
        response.headers.update(fault.headers)
        return response
    setattr(request.state, SIGNED_IN, who)
    kept_s = site.settings.session_kept_s
    secret = await run_in_threadpool(_add, site, who.token_id, kept_s)
    response = RedirectResponse(inside(going_on), 303, headers={"Cache-Control": PRIVATE})
    keep(response, secret, place=place, kept_s=kept_s)
    return response


def _add(site: Site, token_id: str, kept_s: float) -> Secret:
    with site.catalog.session() as session:
        return add_browser(session, token_id, expires_at=datetime.now(UTC) + timedelta(seconds=kept_s))


@router.post("/logout", dependencies=[needs(None)])
def sign_out(request: Request, site: SiteDep, *, judge: JudgeDep) -> Response:
    """End the session, here and for whoever else may have its cookie."""
    public_id = who_asks().session_id
    if public_id:
        with site.catalog.session() as session:
            remove_browser(session, public_id)
        judge.keyring.forget(public_id, Use.SESSION)
    response = RedirectResponse(urls.with_query(urls.login(), {"out": "1"}), 303, headers={"Cache-Control": PRIVATE})
    forget(response, place=request.scope[PLACE])
    return response


def _page(
    request: Request, site: Site, judge: Judge, *, going_on: str, fault: str = "", said: str = "", status: int = 200
) -> Response:
    who = who_asks()
    view = make_login(who, judge.access, going_on=going_on, fault=fault, said=said)
    frame = plain_frame(
        "login",
        title="Signed in" if who.session_id else "Sign in",
        json_url="/login.json",
        api_url=urls.api_access(),
        base=str(request.base_url),
    )
    response = page_answer(site, "login.html", view=view, frame=frame, etag="")
    response.status_code = status
    if not who.session_id and session_of(request.headers.get("cookie", "")):
        forget(response, place=request.scope[PLACE])  # it opens nothing any more
    return response
