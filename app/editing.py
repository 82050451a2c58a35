"""Edits of an analysis tried by the encoder: by the photo's digest, with the photo itself where that is forgotten."""

from starlette.concurrency import run_in_threadpool

from app import urls
from app.analysing import Strength, known_first, strength_of
from app.encoder import Asked
from app.makers.analysis import place_of
from app.makers.analysis_asking import AnalysisAsked
from app.makers.analysis_effects import make_edit
from app.makers.analysis_forms import KEPT
from app.site import Site
from app.views.analyses import EditView
from store.analyses.keeper import Analysis
from store.edits import Edits
from store.encoding.contract import CollectionPhoto
from store.encoding.effects import DictionaryEffects
from store.encoding.refusals import EncoderUnavailable


async def try_edits(site: Site, analysis: Analysis, asked: AnalysisAsked) -> EditView:
    """What the edits do. Raises ``BadEdit``, ``NotFound``, and what ``Encoder.effects`` raises."""
    slug = analysis.result.dictionaries[place_of(analysis, asked.dictionary)].slug
    found = await _asked(site, analysis, asked) if asked.edits.edits else None
    return await run_in_threadpool(_view, site, analysis, asked.but(dictionary=slug), found)


async def show_edits(site: Site, analysis: Analysis, asked: AnalysisAsked) -> EditView:
    """The same for a page, where the encoder may be away: then it says so."""
    try:
        return await try_edits(site, analysis, asked)
    except EncoderUnavailable as fault:
        return await run_in_threadpool(_view, site, analysis, asked, None, str(fault))


async def _asked(site: Site, analysis: Analysis, asked: AnalysisAsked) -> DictionaryEffects:
    told = analysis.result.dictionaries[place_of(analysis, asked.dictionary)]
    facts = told.facts
    asked.edits.check(n_concepts=facts.n_concepts, n_patches=facts.grid_rows * facts.grid_cols)
    strength, again = await run_in_threadpool(_needed, site, analysis, told.slug)
    target = told.effects.target
    question = Asked(
        (told.digest,),
        class_index=None if target is None else target.index,
        contributions=False,
        edits=asked.edits.text,
        strength=strength,
    )
    sha256 = analysis.result.photo.sha256
    effects = await known_first(sha256, again, lambda photo: site.encoder.effects(photo, question))
    return effects.dictionaries[0]


def _needed(site: Site, analysis: Analysis, slug: str) -> tuple[Strength, bytes | CollectionPhoto]:
    with site.opened(site.roster.get(slug)) as opened:
        strength = strength_of(opened.atlas)
    return strength, analysis.result.source or site.keeper.files.photo(analysis.public_id)


def _view(
    site: Site, analysis: Analysis, asked: AnalysisAsked, found: DictionaryEffects | None, fault: str = ""
) -> EditView:
    told = analysis.result.dictionaries[place_of(analysis, asked.dictionary)]

    def address(edits: Edits) -> str:
        return asked.url(analysis.public_id, edits=edits)

    with site.opened(site.roster.get(told.slug)) as opened:
        view = make_edit(opened, asked.edits, found, address=address, fault=fault)
    kept = tuple((name, value) for name, value in asked.pairs if value and name in KEPT)
    return view.model_copy(update={"form_url": urls.analysis(analysis.public_id, "edits"), "kept": kept})
