"""Finds concepts by index, label, what people say of them, and class."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from app import urls
from app.makers.concepts import concept_name, make_chip
from app.overlays import Overlay
from app.roster import Entry
from app.search.question import Found, Question
from app.search.reasons import make_reasons
from app.search.words import DictionaryWords
from app.site import Opened, Site
from app.views.search import HitView, Reason
from store.atlas.query import Mask

INDEX, LABEL, COMMENT, CLASS = range(4)
"""Places of a word, the telling ones first."""
_PLACES: Final = (INDEX, LABEL, COMMENT, CLASS)


def find_concepts(site: Site, question: Question) -> Found:
    """Concepts that have all words; the place that tells most comes first, then the more important concept."""
    parts = []
    for number, (entry, words) in enumerate(question.within):
        tiers = tiers_of(words, site.overlays.of(entry), question.words)
        chosen = np.flatnonzero(tiers < len(_PLACES))
        parts.append((tiers[chosen], words.importance[chosen], np.full(len(chosen), number), chosen))
    tiers, importance, numbers, chosen = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((chosen, numbers, -importance, tiers))

    def draw(start: int, stop: int) -> list[HitView]:
        return [
            _hit(site, question.within[int(numbers[at])][0], int(chosen[at]), question.words)
            for at in order[start:stop]
        ]

    return Found(len(order), draw)


def tiers_of(words: DictionaryWords, overlay: Overlay, wanted: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """For each concept the most telling place of any word, and ``4`` where not all words are found: ``[K]``."""
    is_found = np.ones(words.n, dtype=np.bool_)
    best = np.full(words.n, len(_PLACES), dtype=np.int64)
    for word in wanted:
        masks = _masks(words, overlay, word)
        is_found &= np.logical_or.reduce(masks)
        for place, mask in zip(_PLACES, masks, strict=True):
            best[mask] = np.minimum(best[mask], place)
    return np.where(is_found, best, len(_PLACES))


def _masks(words: DictionaryWords, overlay: Overlay, word: str) -> tuple[Mask, ...]:
    """Which concepts have a word at each place. A seed that people replaced is no label any more."""
    labels = words.seeds.where(lambda value: value is not None and word in value.lower())
    labels &= ~_at(overlay.texts, words.n)
    labels |= _at((k for k, known in overlay.labels.items() if any(word in one.text.lower() for one in known)), words.n)
    comments = _at((remark.concept for remark in overlay.comments if word in remark.text.lower()), words.n)
    return (
        words.index(word),
        labels,
        comments,
        words.classes.where(lambda value: value is not None and word in value.lower()),
    )


def _at(concepts: Iterable[int], n: int) -> Mask:
    """These of ``n`` concepts, as far as they are among them."""
    mask = np.zeros(n, dtype=np.bool_)
    mask[[concept for concept in concepts if concept < n]] = True
    return mask


def _hit(site: Site, entry: Entry, concept: int, words: Sequence[str]) -> HitView:
    with site.opened(entry) as opened:
        return HitView(
            type="concept",
            title=concept_name(opened, concept),
            detail=entry.title,
            dictionary=entry.slug,
            concept=make_chip(opened, concept),
            reasons=_reasons(opened, concept, words),
            html=urls.concept(entry.slug, concept),
            api=urls.api_concept(entry.slug, concept),
        )


def _reasons(opened: Opened, concept: int, words: Sequence[str]) -> tuple[Reason, ...]:
    columns, overlay = opened.atlas.columns, opened.overlay
    best = overlay.best.get(concept)
    labels = sorted(overlay.labels.get(concept, ()), key=lambda label: label is not best)
    texts = [("label" if label is best else "another label", label.text) for label in labels]
    texts += [] if best is not None else [("label guessed from classes", columns["label_seed"][concept])]
    texts += [(f"comment by {one.author}", one.text) for one in overlay.comments if one.concept == concept]
    found = make_reasons([*texts, ("top class", columns["top_class"][concept])], words)
    if any(word.removeprefix("#") == str(concept) for word in words):
        return (Reason(field="index", text=f"#{concept}", marks=((0, len(f"#{concept}")),)), *found)
    return found
