"""Blind tests as pages and API show them: nothing of the answer before the choice."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from app import urls
from app.annotating import why_no_notes
from app.makers.concepts import make_chip
from app.makers.examples import make_rows
from app.makers.places import in_pixels, seen_box
from app.makers.ranking import ranked_alive
from app.makers.times import moment
from app.site import Opened, Site
from app.views.concept import ExampleTile
from app.views.label_tests import LabelTestsView, TestedLabel, TestPhoto, TestsView, TestView
from app.views.verdicts import VerdictView
from store.annotations import LabelFacts
from store.atlas.reader import Atlas
from store.blind import CHANCE, N_ACTIVE, judge
from store.catalog.label_tests import Drawn, TestFacts, hits_of, hits_of_labels, list_tests
from store.catalog.labels import get_label, list_texts
from store.catalog.session import Session
from store.errors import ConceptoscopeError
from store.vocabulary import Band

_EVERY: Final = 200
"""Examples of a band at most; no atlas keeps more."""


def make_verdict(hits: Sequence[int]) -> VerdictView | None:
    """What the hits of tests come to; None without tests."""
    found = judge(hits)
    if found is None:
        return None
    return VerdictView(
        n_tests=found.n_tests,
        n_hits=found.n_hits,
        n_choices=found.n_tests * N_ACTIVE,
        accuracy=found.accuracy,
        low=found.low,
        high=found.high,
        chance=CHANCE,
        p_value=found.p_value,
    )


def make_test(
    site: Site, session: Session, test: TestFacts, *, tiles: Mapping[Drawn, ExampleTile] | None = None
) -> TestView:
    """One test with its photos; ``tiles`` has them with heat, for a judged one."""
    photos: tuple[TestPhoto, ...] = ()
    if test.photos:
        try:
            with site.shelf.reading(test.atlas) as shelved:
                photos = _photos(shelved.atlas, test, tiles=tiles or {})
        except ConceptoscopeError:
            if test.answered_at is None:
                raise
    return _view(test, text=_text(session, test), photos=photos)


def _photos(atlas: Atlas, test: TestFacts, *, tiles: Mapping[Drawn, ExampleTile]) -> tuple[TestPhoto, ...]:
    told = test.answered_at is not None
    photos = []
    for place, photo in enumerate(test.photos):
        row = atlas.image(photo.image)
        width, height = row["thumbnail_width"], row["thumbnail_height"]
        photos.append(
            TestPhoto(
                number=place + 1,
                picture=urls.blind_photo(test.uid, place + 1),
                width=width,
                height=height,
                seen=in_pixels(seen_box(atlas, row), width=width, height=height),
                fires=photo.fires if told else None,
                chosen=place in test.chosen if told else None,
                image=photo.image if told else None,
                band=photo.band if told else None,
                tile=tiles.get(photo) if told else None,
            )
        )
    return tuple(photos)


def tiles_of(opened: Opened, test: TestFacts) -> dict[Drawn, ExampleTile]:
    """The photos of a judged test with heat, where the dictionary still shows the atlas that they were drawn from."""
    if test.answered_at is None or opened.atlas.digest != test.atlas:
        return {}
    rows = make_rows(opened, test.key.concept, bands=tuple(Band), limit=_EVERY)
    tiles = {(band.value, tile.rank): tile for band, row in rows.items() for tile in row.tiles}
    return {photo: tiles[photo.band, photo.rank] for photo in test.photos if (photo.band, photo.rank) in tiles}


def make_label_tests(session: Session, uid: str) -> LabelTestsView:
    """All judged tests of a label; raises ``NotFound``."""
    label = get_label(session, uid)
    tests, texts = list_tests(session, [uid])[uid], list_texts(session, [uid])[uid]
    by_revision = {row.revision: row.text or "" for row in texts}
    return LabelTestsView(
        label=uid,
        text=label.text,
        verdict=make_verdict(hits_of_labels(session, [uid]).get(uid, ())),
        tests=tuple(_view(test, text=by_revision.get(test.revision, ""), photos=()) for test in tests),
    )


def make_tests(site: Site, opened: Opened, *, author: str = "") -> TestsView:
    """The shown labels of living concepts, those that fail first."""
    alive = ranked_alive(opened)
    with site.catalog.session() as session:
        hits = hits_of(session, opened.overlay.dictionary)
    named = [(concept, opened.overlay.best[concept]) for concept in alive if concept in opened.overlay.best]
    labels = [_tested(opened, concept, label, hits=hits.get(label.uid, ())) for concept, label in named]
    coming = least_tested(named, hits)
    return TestsView(
        dictionary=opened.entry.slug,
        n_labelled=len(named),
        n_tested=sum(label.verdict is not None for label in labels),
        next=coming[0].uid if coming else None,
        labels=tuple(sorted(labels, key=lambda one: one.verdict.low if one.verdict else inf)),
        form_url=urls.label_tests(opened.entry.slug),
        queue_url=urls.queue(opened.entry.slug),
        author=author,
        why_not=why_no_notes(site),
    )


def least_tested(named: Sequence[tuple[int, LabelFacts]], hits: Mapping[str, Sequence[int]]) -> list[LabelFacts]:
    """Labels in the order in which they are to be tested: least tested first, as they come among equals."""
    return sorted((label for _, label in named), key=lambda label: len(hits.get(label.uid, ())))


def pick_next(site: Site, opened: Opened, *, but: str = "") -> list[LabelFacts]:
    """The labels that are to be tested, least tested first; ``but`` is the one that was tested just now."""
    alive, best = ranked_alive(opened), opened.overlay.best
    with site.catalog.session() as session:
        hits = hits_of(session, opened.overlay.dictionary)
    return least_tested([(k, best[k]) for k in alive if k in best and best[k].uid != but], hits)


def _tested(opened: Opened, concept: int, label: LabelFacts, *, hits: Sequence[int]) -> TestedLabel:
    return TestedLabel(
        label=label.uid,
        text=label.text,
        author=label.author,
        concept=make_chip(opened, concept),
        verdict=make_verdict(hits),
    )


def _text(session: Session, test: TestFacts) -> str:
    texts = list_texts(session, [test.label])[test.label]
    return next((row.text or "" for row in texts if row.revision == test.revision), "")


def _view(test: TestFacts, *, text: str, photos: tuple[TestPhoto, ...]) -> TestView:
    return TestView(
        id=test.uid,
        state="open" if test.answered_at is None else "judged",
        label=test.label,
        text=text,
        revision=test.revision,
        author=test.author,
        started_at=moment(test.started_at) or "",
        answered_at=moment(test.answered_at),
        seconds=test.seconds,
        n_active=N_ACTIVE,
        n_hits=test.n_hits,
        photos=photos,
        api=urls.api_tests(test.uid),
    )
