"""An analysis that was found: where it lives, and what is asked of it among all that it holds."""

from app import urls
from app.makers.analysis_asking import AnalysisAsked
from app.views.analyses import AnalysisLinks, MadeView
from store.analyses.keeper import Analysis
from store.analyses.result import Explained
from store.encoding.contract import StreamFacts
from store.errors import NotFound


def make_links(public_id: str) -> AnalysisLinks:
    """Addresses of an analysis."""
    return AnalysisLinks(
        html=urls.analysis(public_id),
        api=urls.api_analyses(public_id),
        photo=urls.api_analyses(public_id, "photo.webp"),
        edits=urls.api_analyses(public_id, "edits"),
    )


def make_made(analysis: Analysis) -> MadeView:
    """A new one, in little."""
    return MadeView(
        id=analysis.public_id,
        expires_at=analysis.expires_at.isoformat(timespec="seconds"),
        links=make_links(analysis.public_id),
    )


def place_of(analysis: Analysis, slug: str) -> int:
    """The place of a dictionary among those asked for, the first for an empty slug; raises ``NotFound``."""
    slugs = [one.slug for one in analysis.result.dictionaries]
    if slug and slug not in slugs:
        raise NotFound("dictionary of this analysis", slug, known=slugs)
    return slugs.index(slug) if slug else 0


def told_by(analysis: Analysis, asked: AnalysisAsked) -> Explained:
    """What the chosen dictionary says, in the eyes of the chosen model; raises ``NotFound``."""
    return analysis.result.dictionaries[place_of(analysis, asked.dictionary)].seen_by(asked.stream)


def prefix_names(facts: StreamFacts) -> tuple[str, ...]:
    """What tokens are called that belong to no place: CLS, Register 1, Register 2."""
    classes = ["CLS"] if facts.n_class == 1 else [f"CLS {n}" for n in range(1, facts.n_class + 1)]
    return (*classes, *(f"Register {n}" for n in range(1, facts.n_register + 1)))
