"""``at=``: an address that means one build, and says so when another has taken its place."""

from typing import Annotated

from fastapi import Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app import urls
from app.params import AT
from app.site import SiteDep
from store.atlas.grammar import BadQuery, Fault
from store.errors import ConceptoscopeError

_DIGITS = frozenset("0123456789abcdef")


class Gone(ConceptoscopeError):
    """The build that was asked for is not shown; ``current`` is the same address of the one that is."""

    def __init__(self, text: str, *, current: str) -> None:
        self.current = current
        super().__init__(text)


async def pinned(
    slug: str,
    request: Request,
    site: SiteDep,
    at: Annotated[str, Query(description="Digest of the atlas that must answer; 410 when it is another.")] = "",
) -> None:
    """Raise ``Gone`` unless the dictionary shows the build that is asked for, if any is."""
    digest = at.strip().removeprefix("sha256:")
    if not digest:
        return
    if len(digest) != 64 or not _DIGITS.issuperset(digest):
        raise BadQuery(Fault(AT, f"'at' is a digest of 64 hexadecimal digits as in `meta.digest`, not '{at}'."))
    entry = await run_in_threadpool(site.roster.get, slug)
    if digest != entry.atlas:
        kept = [(name, value) for name, value in request.query_params.multi_items() if name not in (AT, "cursor")]
        current = urls.with_query(request.url.path, (*kept, (AT, entry.atlas)))
        raise Gone(
            f"'{slug}' shows another build by now: {entry.atlas}. The current one is at {current}.", current=current
        )


Pinned = Depends(pinned)
