"""The form that takes a photo."""

from collections.abc import Sequence
from typing import Final

from app.access.who import may_now
from app.analysing import MOST_DICTIONARIES
from app.makers.images import make_image_card
from app.render import duration, in_bytes
from app.site import Site
from app.views.analyses import AnalyzeView, DictionaryOption
from app.views.images import ImageCard
from store.encoding.refusals import EncoderUnavailable
from store.errors import ConceptoscopeError
from store.vocabulary import Scope

_N_EXAMPLES: Final = 12


def make_analyze(site: Site, *, chosen: Sequence[str], fault: str = "", said: str = "") -> AnalyzeView:
    """The form; the first dictionary is chosen unless others are."""
    entries = site.roster.entries()
    known = [slug for slug in chosen if any(entry.slug == slug for entry in entries)]
    wanted = known or [entry.slug for entry in entries[:1]]
    options = tuple(
        DictionaryOption(
            slug=entry.slug,
            title=entry.title,
            model=entry.model_title,
            layer=entry.layer,
            n_concepts=entry.n_concepts,
            checked=entry.slug in wanted,
        )
        for entry in entries
    )
    return AnalyzeView(
        options=options,
        examples=_examples(site, wanted),
        kept=_hours(site.settings.analysis_kept_s),
        limit=in_bytes(site.settings.upload_bytes),
        trouble=_trouble(site),
        fault=fault,
        said=said,
        most=MOST_DICTIONARIES,
    )


def _examples(site: Site, slugs: Sequence[str]) -> tuple[ImageCard, ...]:
    """Some images of the collection, spread over it."""
    if not slugs:
        return ()
    try:
        with site.opened(site.roster.get(slugs[0])) as opened:
            rows = opened.atlas.images()
            step = max(1, len(rows) // _N_EXAMPLES)
            return tuple(make_image_card(opened, row) for row in rows[::step][:_N_EXAMPLES])
    except ConceptoscopeError:
        return ()


def _trouble(site: Site) -> str:
    if not site.roster.entries():
        return "This store has no dictionary yet, so there is nothing to explain photos with."
    if not may_now(Scope.ANALYSE):
        return "Explaining photos needs a token with the scope 'analyse'."
    try:
        site.encoder.look()
        site.keeper.check_room()
    except EncoderUnavailable as fault:
        return str(fault)
    except ConceptoscopeError as fault:
        return str(fault)
    return ""


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.0f} hours" if hours >= 2 and hours == round(hours) else duration(seconds)
