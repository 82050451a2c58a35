"""A concept of an analysis taken away by the encoder: what the score of the predicted class really loses."""

from functools import partial

from starlette.concurrency import run_in_threadpool

from app.analysing import ask_again
from app.encoder import Asked
from app.makers.analysis import chosen_scene
from app.makers.analysis_asking import AnalysisAsked
from app.makers.analysis_chosen import make_occlusion, occluded_of
from app.makers.analysis_found import told_by
from app.site import Site
from app.views.chosen import ChosenView, OcclusionView
from store.analyses.keeper import Analysis
from store.encoding.effects import DictionaryEffects
from store.encoding.refusals import EncoderUnavailable
from store.errors import InvalidInput


async def find_lost(site: Site, analysis: Analysis, asked: AnalysisAsked) -> OcclusionView:
    """What is lost without the chosen concept. Raises ``InvalidInput`` where there are no effects, ``NotFound``."""
    why = told_by(analysis, asked).effects.missing
    if why:
        raise InvalidInput(why)
    found = await _asked(site, analysis, asked)
    return await run_in_threadpool(partial(_view, site, analysis, asked, found=found))


async def show_lost(site: Site, analysis: Analysis, asked: AnalysisAsked) -> OcclusionView | None:
    """The same for a page, where it is asked for: it says why nothing is known."""
    if asked.map != "occlusion" or asked.concept is None:
        return None
    try:
        return await find_lost(site, analysis, asked)
    except (EncoderUnavailable, InvalidInput) as fault:
        return await run_in_threadpool(partial(_view, site, analysis, asked, fault=str(fault)))


async def show_chosen(site: Site, analysis: Analysis, asked: AnalysisAsked) -> ChosenView:
    """The chosen concept; raises ``NotFound``."""
    occlusion = await show_lost(site, analysis, asked)
    return await run_in_threadpool(partial(_chosen, site, analysis, asked, occlusion=occlusion))


async def _asked(site: Site, analysis: Analysis, asked: AnalysisAsked) -> DictionaryEffects:
    told = told_by(analysis, asked)
    concepts = await run_in_threadpool(partial(_concepts, site, analysis, asked))
    target = told.effects.target
    question = Asked(
        (told.digest,),
        stream=asked.stream,
        class_index=None if target is None else target.index,
        contributions=False,
        occlude=concepts,
    )
    return await ask_again(site, analysis, question)


def _concepts(site: Site, analysis: Analysis, asked: AnalysisAsked) -> tuple[int, ...]:
    with chosen_scene(site, analysis, asked) as scene:
        return occluded_of(scene.codes, concept=scene.concept)


def _view(
    site: Site, analysis: Analysis, asked: AnalysisAsked, *, found: DictionaryEffects | None = None, fault: str = ""
) -> OcclusionView:
    with chosen_scene(site, analysis, asked) as scene:
        return make_occlusion(scene, found, fault=fault)


def _chosen(site: Site, analysis: Analysis, asked: AnalysisAsked, *, occlusion: OcclusionView | None) -> ChosenView:
    with chosen_scene(site, analysis, asked) as scene:
        return scene.view(occlusion)
