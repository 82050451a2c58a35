"""``.json`` behind any page's address leads to its twin in the API."""

import secrets

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse

from app import urls
from app.makers.compare import find_subject
from app.pages.dictionary import living
from app.params import DISPLAY
from app.site import SiteDep

router = APIRouter(include_in_schema=False)
_PAGE_ONLY = (*DISPLAY, "show", "band", "view", "select")


def _kept(request: Request, *, less: tuple[str, ...] = _PAGE_ONLY) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.query_params.multi_items() if name not in less]


def _to(url: str) -> RedirectResponse:
    return RedirectResponse(url, 308)


@router.get("/index.json")
@router.get("/.json")
def home() -> RedirectResponse:
    """Home is the service."""
    return _to(urls.api_root())


@router.get("/tour/{_number}.json")
def tour(_number: str) -> RedirectResponse:
    """The tour leads through pages; what it begins at is the service."""
    return _to(urls.api_root())


@router.get("/settings.json")
def settings() -> RedirectResponse:
    """What the visitor is and may; what they prefer stays in their browser."""
    return _to(urls.api_access())


@router.get("/design.json")
def design() -> RedirectResponse:
    """Nothing on it is data of a store: the service."""
    return _to(urls.api_root())


@router.get("/glossary.json")
def glossary() -> RedirectResponse:
    """Definitions."""
    return _to(urls.api_glossary())


@router.get("/api/docs.json")
def reference() -> RedirectResponse:
    """What the reference is made from."""
    return _to(urls.api_description())


@router.get("/login.json")
def login() -> RedirectResponse:
    """Who asks."""
    return _to(urls.api_access())


@router.get("/compare.json")
def compare(request: Request, site: SiteDep) -> RedirectResponse:
    """Dictionaries beside each other, with the order; what the page's form names is sent on as by the page."""
    of = request.query_params.get("of", "")
    if of:
        return _to(urls.api_compare(find_subject(site, of).query))
    return _to(urls.api_compare(_kept(request)))


@router.get("/align.json")
def alignments(request: Request) -> RedirectResponse:
    """All alignments, or that of the dictionaries that the page's form names."""
    named = (request.query_params.get(side, "") for side in "abcd")
    slugs = list(dict.fromkeys(slug for slug in named if slug))
    if len(slugs) > 1:
        return _to(urls.api_together(slugs))
    return _to(urls.api_alignments())


@router.get("/align/{a}/{b}.json")
def alignment(a: str, b: str, request: Request) -> RedirectResponse:
    """Two dictionaries aligned, with filters and order."""
    return _to(urls.api_alignments(a, b, query=_kept(request, less=DISPLAY)))


@router.get("/align/{a}/{b}/{rest:path}.json")
def together(a: str, b: str, *, rest: str, request: Request) -> RedirectResponse:
    """Three or four dictionaries side by side, with filters and order."""
    return _to(urls.api_together((a, b, *rest.split("/")), _kept(request, less=DISPLAY)))


@router.get("/lists.json")
def lists(request: Request) -> RedirectResponse:
    """All lists."""
    return _to(urls.api_lists(query=_kept(request)))


@router.get("/lists/{uid}.json")
def one_list(uid: str, request: Request) -> RedirectResponse:
    """A list."""
    return _to(urls.api_lists(uid, query=_kept(request)))


@router.get("/search.json")
def search(request: Request) -> RedirectResponse:
    """What stands where."""
    return _to(urls.api_search(_kept(request)))


@router.get("/jobs.json")
def jobs(request: Request) -> RedirectResponse:
    """All jobs, with the filters."""
    return _to(urls.api_jobs(query=_kept(request)))


@router.get("/jobs/new.json")
def new_jobs() -> RedirectResponse:
    """The same of the form that is wanted next."""
    return _to(urls.api_jobs())


@router.get("/jobs/new/{_kind}.json")
def new_job(_kind: str) -> RedirectResponse:
    """What can be started is what the list of jobs takes by POST."""
    return _to(urls.api_jobs())


@router.get("/jobs/{job_id}.json")
def job(job_id: str) -> RedirectResponse:
    """A job."""
    return _to(urls.api_jobs(job_id))


@router.get("/d/{slug}.json")
def dictionary(slug: str) -> RedirectResponse:
    """A dictionary."""
    return _to(urls.api_dictionaries(slug))


@router.get("/d/{slug}/c.json")
def concepts(slug: str, request: Request) -> RedirectResponse:
    """The grid, with its query."""
    return _to(urls.api_dictionaries(slug, "concepts", query=_kept(request)))


@router.get("/d/{slug}/values/{_column}.json")
def values(slug: str, _column: str, *, request: Request) -> RedirectResponse:
    """All values of a column, among the facets."""
    return _to(urls.api_dictionaries(slug, "facets", query=_kept(request, less=(*_PAGE_ONLY, "find", "limit"))))


@router.get("/d/{slug}/c/{index}.json")
def concept(slug: str, index: str, *, request: Request) -> RedirectResponse:
    """A concept; the order it was found in is the page's own affair."""
    shown = {name: request.query_params.get(name, "") for name in ("band", "balance", "by")}
    return _to(urls.api_concept(slug, index, query=shown))


@router.get("/d/{slug}/compare.json")
def beside(slug: str, request: Request) -> RedirectResponse:
    """Concepts side by side."""
    return _to(urls.api_dictionaries(slug, "compare", query=_kept(request, less=DISPLAY)))


@router.get("/d/{slug}/random.json")
def random_concept(slug: str, site: SiteDep) -> RedirectResponse:
    """One of the living concepts by chance: another one the next time."""
    with site.opened(site.roster.get(slug)) as opened:
        chosen = secrets.choice(living(opened))
    return RedirectResponse(urls.api_concept(slug, chosen), 302, headers={"Cache-Control": "no-store"})


@router.get("/d/{slug}/map.json")
def map_page(slug: str, request: Request) -> RedirectResponse:
    """The map, with colours, filter and selection."""
    less = tuple(name for name in DISPLAY if name not in ("colour", "size"))  # these two are columns there
    return _to(urls.api_dictionaries(slug, "map", query=_kept(request, less=less)))


@router.get("/d/{slug}/queue.json")
def queue(slug: str, request: Request) -> RedirectResponse:
    """The label queue, with its walk."""
    return _to(urls.api_dictionaries(slug, "queue", query=_kept(request)))


@router.get("/d/{slug}/queue/tests.json")
def label_tests(slug: str) -> RedirectResponse:
    """The labels of a dictionary and their blind tests."""
    return _to(urls.api_dictionaries(slug, "tests"))


@router.get("/d/{_slug}/queue/tests/{uid}.json")
def label_test(_slug: str, uid: str) -> RedirectResponse:
    """A blind test."""
    return _to(urls.api_tests(uid))


@router.get("/d/{slug}/streams.json")
def streams(slug: str) -> RedirectResponse:
    """What the models of a dictionary share."""
    return _to(urls.api_dictionaries(slug, "streams"))


@router.get("/d/{slug}/classes.json")
def classes(slug: str, request: Request) -> RedirectResponse:
    """The index of classes, with its query."""
    return _to(urls.api_dictionaries(slug, "classes", query=_kept(request, less=DISPLAY)))


@router.get("/d/{slug}/classes/{output}.json")
def one_class(slug: str, output: str, *, request: Request) -> RedirectResponse:
    """A predicted class, with what is shown of it."""
    return _to(urls.api_class(slug, output, query=_kept(request, less=DISPLAY)))


@router.get("/d/{slug}/i.json")
def images(slug: str, request: Request) -> RedirectResponse:
    """The image index, with its query."""
    return _to(urls.api_dictionaries(slug, "images", query=_kept(request, less=DISPLAY)))


@router.get("/analyze.json")
def analyze() -> RedirectResponse:
    """What takes photos says how; a program sends them there."""
    return _to(urls.api_root())


@router.get("/a/{public_id}.json")
def analysis(public_id: str, request: Request) -> RedirectResponse:
    """An analysis, with what is shown of it."""
    kept = _kept(request, less=(*DISPLAY, "beside"))
    return _to(urls.api_analyses(public_id, query=[("dictionary" if k == "d" else k, v) for k, v in kept]))


@router.get("/i/{image}.json")
def image(image: str, request: Request) -> RedirectResponse:
    """An image as a dictionary sees it."""
    kept = _kept(request, less=DISPLAY)
    return _to(urls.api_image(image, query=[("dictionary" if k == "d" else k, v) for k, v in kept]))
