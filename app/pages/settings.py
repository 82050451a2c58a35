"""What a visitor prefers: kept by the browser, the name for labels as a cookie."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.access.who import who_asks
from app.annotating import ANONYMOUS, AUTHOR_COOKIE, WRITES, author_of, remember_author, why_no_notes
from app.answers import page_answer, page_etag
from app.bodies import FormBody
from app.makers.asking import CARDS, SHOWN
from app.makers.frames import plain_frame
from app.params import Param, read_params
from app.site import SiteDep
from app.views.base import Choice
from app.views.settings import SettingsView
from app.words import LABELS, numbers
from store.atlas.cursor import LIMIT_DEFAULT

router = APIRouter(include_in_schema=False)
_LIMITS: Final = (12, 24, 48, 96, 200)
_KEPT: Final = Param("kept", "Say that the name was kept.", ("1",))


@router.get("/settings")
def settings(request: Request, site: SiteDep) -> Response:
    """Fields that the browser's script fills in and keeps."""
    said = "The name is kept." if read_params(request, _KEPT, display=True)["kept"] else ""
    author = author_of(request)
    etag = page_etag(request, site, author, who_asks().name)
    view = SettingsView(
        author="" if author == ANONYMOUS else author,
        is_proven=bool(who_asks().name),
        why_not=why_no_notes(site),
        first=_columns(SHOWN[CARDS][0]),
        second=_columns(SHOWN[CARDS][1]),
        limits=tuple(Choice(key=str(n), label=str(n), url="", current=n == LIMIT_DEFAULT) for n in _LIMITS),
        said=said,
    )
    frame = plain_frame(
        "settings",
        title="Settings",
        json_url="/settings.json",
        api_url=urls.api_access(),
        base=str(request.base_url),
    )
    return page_answer(site, "settings.html", view=view, frame=frame, etag=etag)


@router.post("/settings", dependencies=[*WRITES])
def keep_name(request: Request, given: FormBody) -> Response:
    """Keep the name that labels are signed with; an empty one is forgotten."""
    response = RedirectResponse(urls.with_query(urls.settings(), {"kept": "1"}), 303)
    name = given.get("author", "").strip()
    if name:
        remember_author(response, author_of(request, name))
    else:
        response.delete_cookie(AUTHOR_COOKIE)
    return response


def _columns(usual: str) -> tuple[Choice, ...]:
    return tuple(
        Choice(key=name, label=LABELS[name], url="", current=name == usual) for name in numbers(universal=False)
    )
