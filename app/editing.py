"""Edits of an analysis tried by the encoder: by the photo's digest, with the photo itself where that is forgotten."""

import json
from functools import partial

from starlette.concurrency import run_in_threadpool

from app import urls
from app.analysing import Strength, ask_again, strength_of
from app.encoder import Asked
from app.makers.analysis_asking import AnalysisAsked
from app.makers.analysis_edits import EditScene, make_edit
from app.makers.analysis_forms import KEPT
from app.makers.analysis_found import place_of, told_by
from app.site import Site
from app.views.analyses import EditView
from store.analyses.keeper import Analysis
from store.edits import Edits
from store.encoding.effects import DictionaryEffects
from store.encoding.refusals import EncoderUnavailable


async def try_edits(site: Site, analysis: Analysis, asked: AnalysisAsked, *, base: str = "") -> EditView:
    """What the edits do; ``base`` is this server's address. Raises ``BadEdit``, ``NotFound``, what the encoder does."""
    found = await _asked(site, analysis, asked) if asked.edits.edits else None
    return await run_in_threadpool(partial(_view, site, analysis, asked, found=found, base=base))


async def show_edits(site: Site, analysis: Analysis, asked: AnalysisAsked, *, base: str = "") -> EditView:
    """The same for a page, where the encoder may be away: then it says so."""
    try:
        return await try_edits(site, analysis, asked, base=base)
    except EncoderUnavailable as fault:
        return await run_in_threadpool(partial(_view, site, analysis, asked, fault=str(fault), base=base))


async def _asked(site: Site, analysis: Analysis, asked: AnalysisAsked) -> DictionaryEffects:
    told = told_by(analysis, asked)
    facts = told.facts
    asked.edits.check(n_concepts=facts.n_concepts, n_patches=facts.grid_rows * facts.grid_cols)
    strength = await run_in_threadpool(_strength, site, told.slug, asked.stream)
    target = told.effects.target
    question = Asked(
        (told.digest,),
        stream=asked.stream,
        class_index=None if target is None else target.index,
        contributions=False,
        edits=asked.edits.text,
        strength=strength,
    )
    return await ask_again(site, analysis, question)


def _strength(site: Site, slug: str, stream: int) -> Strength:
    with site.opened(site.roster.get(slug)) as opened:
        return strength_of(opened.atlas, stream=stream)


def _view(
    site: Site,
    analysis: Analysis,
    asked: AnalysisAsked,
    *,
    found: DictionaryEffects | None = None,
    fault: str = "",
    base: str,
) -> EditView:
    place, told = place_of(analysis, asked.dictionary), told_by(analysis, asked)
    codes = site.keeper.files.codes(analysis.public_id, place, stream=asked.stream)
    asked = asked.but(dictionary=told.slug)

    def address(edits: Edits) -> str:
        return asked.url(analysis.public_id, edits=edits)

    with site.opened(site.roster.get(told.slug)) as opened:
        view = make_edit(EditScene(opened, asked.edits, codes, address, asked.stream), found, fault=fault)
    kept = tuple((name, value) for name, value in asked.pairs if value and name in KEPT)
    form_url = urls.analysis(analysis.public_id, "edits")
    return view.model_copy(update={"form_url": form_url, "kept": kept, "curl": _curl(analysis, asked, base=base)})


def _curl(analysis: Analysis, asked: AnalysisAsked, *, base: str) -> str:
    """The call of the API that tries the same edits."""
    stream = {"stream": asked.stream} if asked.stream else {}
    body = json.dumps({"edits": asked.edits.text, "dictionary": asked.dictionary} | stream)
    url = f"{base.rstrip('/')}{urls.api_analyses(analysis.public_id, 'edits')}"
    return f"curl -H 'Content-Type: application/json' -d '{body}' {url}"
