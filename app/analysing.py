"""From a photo to an analysis: the encoder's answers, what the atlas says of them, kept under a new id."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
from starlette.concurrency import run_in_threadpool

from app.encoder import Asked
from app.roster import Entry
from app.site import Opened, Site
from store.analyses.keeper import Analysis
from store.analyses.result import AnalysisResult, Codes, Explained, Neighbour
from store.atlas.reader import Atlas
from store.atlas.surprise import standing
from store.encoding.contract import CollectionPhoto, Encoded, KnownPhoto, StreamCodes
from store.encoding.effects import DENSITY, ENERGY, DictionaryEffects
from store.encoding.refusals import EncoderUnavailable, PhotoGone
from store.errors import InvalidInput

MOST_DICTIONARIES: Final = 4
COPY_PX: Final = 1024
_N_NEAREST: Final = 12
T = TypeVar("T")
Strength = Mapping[str, np.ndarray[Any, Any]]
EffectsOf = Mapping[tuple[str, int], DictionaryEffects]
"""By the dictionary's digest and the stream."""


def chosen_entries(site: Site, slugs: Sequence[str]) -> tuple[Entry, ...]:
    """The dictionaries of a request; raises ``InvalidInput`` for none or too many, ``NotFound`` for an unknown one."""
    wanted = tuple(dict.fromkeys(slug for slug in slugs if slug))
    if not 1 <= len(wanted) <= MOST_DICTIONARIES:
        raise InvalidInput(f"Name one to {MOST_DICTIONARIES} dictionaries by their slugs, not {len(wanted)}.")
    return tuple(site.roster.get(slug) for slug in wanted)


async def analyse(site: Site, photo: bytes | CollectionPhoto, entries: Sequence[Entry]) -> Analysis:
    """Explain a photo and keep what was found. Raises ``NoRoom`` and whatever ``Encoder.encode`` raises."""
    await run_in_threadpool(site.keeper.check_room)
    digests = tuple(entry.digest for entry in entries)
    encoded = await site.encoder.encode(photo, digests, copy_px=COPY_PX)
    assert encoded.copy is not None
    again = encoded.copy if isinstance(photo, bytes) else photo
    effects = await _effects(site, encoded, digests, again=again)
    source = None if isinstance(photo, bytes) else photo
    return await run_in_threadpool(_kept, site, encoded, entries=entries, effects=effects, source=source)


async def known_first(sha256: str, again: bytes | CollectionPhoto, ask: Callable[[Any], Awaitable[T]]) -> T:
    """Ask about a photo by its digest, and once more with the photo itself when the encoder has forgotten it."""
    try:
        return await ask(KnownPhoto(sha256=sha256))
    except PhotoGone:
        return await ask(again)


async def ask_again(site: Site, analysis: Analysis, question: Asked) -> DictionaryEffects:
    """Of a photo that is kept, in one dictionary. Raises what ``Encoder.effects`` raises."""
    again: bytes | CollectionPhoto | None = analysis.result.source
    if again is None:
        again = await run_in_threadpool(site.keeper.files.photo, analysis.public_id)
    sha256 = analysis.result.photo.sha256
    found = await known_first(sha256, again, partial(site.encoder.effects, asked=question))
    return found.dictionaries[0]


async def _effects(
    site: Site, encoded: Encoded, digests: tuple[str, ...], *, again: bytes | CollectionPhoto
) -> EffectsOf:
    """By dictionary and stream. An encoder that cannot tell them in time leaves the rest of the analysis as it is."""
    asked = Asked(digests)
    try:
        found = await known_first(encoded.photo.sha256, again, lambda photo: site.encoder.effects(photo, asked))
    except EncoderUnavailable as fault:
        named = ((one.facts.dictionary, one.facts.stream) for one in encoded.streams)
        return {(key, stream): DictionaryEffects.none(key, str(fault), stream=stream) for key, stream in named}
    return {(one.facts.dictionary, one.facts.stream): one for one in found.dictionaries}


def _kept(
    site: Site,
    encoded: Encoded,
    *,
    entries: Sequence[Entry],
    effects: EffectsOf,
    source: CollectionPhoto | None,
) -> Analysis:
    explained, codes = [], []
    for entry in entries:
        with site.opened(entry) as opened:
            told, arrays = _explained(opened, encoded.of(entry.digest), effects)
        explained.append(told)
        codes.append(arrays)
    assert encoded.copy is not None
    width, height = _copy_size(encoded, is_upload=source is None)
    result = AnalysisResult(
        source=source, photo=encoded.photo, copy_width=width, copy_height=height, dictionaries=tuple(explained)
    )
    public_id = site.keeper.keep(result, photo=encoded.copy, codes=codes)
    return site.keeper.get(public_id)


def _copy_size(encoded: Encoded, *, is_upload: bool) -> tuple[int, int]:
    """Pixels of the kept copy: of an upload it is what was explained."""
    width, height = encoded.photo.width, encoded.photo.height
    scale = 1.0 if is_upload else min(1.0, COPY_PX / max(width, height))
    return max(1, round(scale * width)), max(1, round(scale * height))


def _explained(
    opened: Opened, streams: Sequence[StreamCodes], effects: EffectsOf
) -> tuple[Explained, tuple[Codes, ...]]:
    main, atlas, entry = streams[0], opened.atlas, opened.entry
    pooled = dict(zip(main.concepts.tolist(), main.pooled.tolist(), strict=True))
    nearest = atlas.nearest_images(pooled, limit=_N_NEAREST)
    found = [effects[entry.digest, one.facts.stream] for one in streams]
    told = Explained(
        slug=entry.slug,
        digest=entry.digest,
        atlas=atlas.digest,
        title=entry.title,
        streams=tuple(one.facts for one in streams),
        effects=found[0].facts,
        n_images=entry.n_images,
        nearest=tuple(Neighbour(image=row["id"], likeness=min(float(row["likeness"]), 1.0)) for row in nearest),
        stream_effects=tuple(one.facts for one in found[1:]),
    )
    return told, tuple(_codes(opened, one, of) for one, of in zip(streams, found, strict=True))


def _codes(opened: Opened, one: StreamCodes, effects: DictionaryEffects) -> Codes:
    return Codes(
        indices=one.indices,
        values=one.values,
        concepts=one.concepts,
        pooled=one.pooled,
        peak=one.peak,
        peak_patch=one.peak_patch,
        percentile=_percentiles(opened.atlas, one, n_images=opened.entry.n_images),
        contribution=_contributions(one, effects),
        parts=effects.parts if effects.parts.shape == one.indices.shape else np.zeros((0, 0), dtype=np.float32),
        prefix_indices=one.prefix_indices,
        prefix_values=one.prefix_values,
    )


def _percentiles(atlas: Atlas, main: StreamCodes, *, n_images: int) -> np.ndarray[Any, Any]:
    """Share of the collection's images whose peak is below this photo's, of each active concept."""
    histograms = atlas.histograms(main.concepts.tolist(), "image_max", stream=main.facts.stream)
    found = []
    for concept, peak in zip(main.concepts.tolist(), main.peak.tolist(), strict=True):
        one = histograms.get(concept)
        n = n_images if one is None else int(one["n_zero"]) + int(sum(one["counts"]))
        found.append(standing(one, peak, n_images=n).percentile)
    return np.array(found, dtype=np.float32)


def _contributions(main: StreamCodes, effects: DictionaryEffects) -> np.ndarray[Any, Any]:
    """In the order of the active concepts; empty where there are no effects."""
    if not len(effects.contributions):
        return np.zeros(0, dtype=np.float32)
    found = dict(zip(effects.concepts.tolist(), effects.contributions.tolist(), strict=True))
    return np.array([found.get(concept, 0.0) for concept in main.concepts.tolist()], dtype=np.float32)


def strength_of(atlas: Atlas, *, stream: int = 0) -> Strength:
    """How strong all concepts are in the collection, or for one of its models, for the control of edits."""
    columns = atlas.stream_columns(stream) if stream else atlas.columns
    return {name: np.asarray(columns[name], dtype=np.float32) for name in (DENSITY, ENERGY)}
