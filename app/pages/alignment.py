"""Alignments: the list, and two dictionaries against each other."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import urls
from app.answers import check_fresh, lasting_answer, page_answer, page_etag
from app.makers.alignment import make_alignment, make_alignments
from app.makers.alignment_asking import PARAMS, aligned, ask_alignment, stamp_of
from app.makers.frames import plain_frame
from app.params import Param, read_params
from app.site import SiteDep
from app.timing import timed
from app.views.base import Crumb

ORDINALS = ("first", "second", "third", "fourth")
router = APIRouter(include_in_schema=False)
_NAMED = tuple(Param(name, f"The {word} dictionary.") for name, word in zip("abcd", ORDINALS, strict=True))
CRUMB = Crumb(label="Alignments", url=urls.alignments())


@router.get("/align")
def alignments(request: Request, site: SiteDep) -> Response:
    """All alignments; what the form names is sent on to its own address."""
    values = read_params(request, *_NAMED, display=True)
    slugs = list(dict.fromkeys(slug for slug in values.values() if slug))
    if len(slugs) > 1:
        return RedirectResponse(urls.together(slugs), 303)
    view = make_alignments(site)
    frame = plain_frame(
        "alignments",
        title="Alignments",
        json_url="/align.json",
        api_url=urls.api_alignments(),
        base=str(request.base_url),
    )
    etag = page_etag(request, site, *[card.links.html for card in view.cards])
    return page_answer(site, "alignment/list.html", view=view, frame=frame, etag=etag)


@router.get("/align/{a}/{b}")
def alignment(a: str, b: str, *, request: Request, site: SiteDep) -> Response:
    """Two dictionaries against each other."""
    asked = ask_alignment(read_params(request, *PARAMS, display=True))
    etag = page_etag(request, site, stamp_of(site, a, b))
    with aligned(site, a, b) as one, timed("data"):
        view = make_alignment(one, asked, entries=site.roster.entries())
    frame = plain_frame(
        "alignment",
        title=f"{view.a.title} against {view.b.title}",
        json_url=urls.with_query(f"{urls.alignment(a, b)}.json", asked.query),
        api_url=urls.api_alignments(a, b, query=asked.query),
        base=str(request.base_url),
        trail=(CRUMB,),
    )
    return page_answer(site, "alignment/page.html", view=view, frame=frame, etag=etag)


@router.get("/m/{digest}/shared/{image}.webp")
def thumbnail(digest: str, image: str, *, request: Request, site: SiteDep) -> Response:
    """A photo that an alignment shows."""
    etag = check_fresh(request)
    with site.alignments.reading(digest) as opened:
        return lasting_answer(opened.alignment.thumbnail(image), "image/webp", etag=etag)
