"""Begins blind tests: which label, which photos."""

from random import SystemRandom

from app.blind_photos import draw_photos
from app.makers.label_tests import pick_next
from app.site import Opened, Site
from store.catalog.label_tests import TestFacts, begin_test, list_tests
from store.catalog.labels import get_label
from store.errors import Conflict, NotFound

_NONE = "No concept of this dictionary has a label to test. Name some in the label queue first."


def begin_next(site: Site, opened: Opened, *, but: str = "", author: str) -> TestFacts:
    """A test of the label that was tested least and has photos enough; ``but`` is passed over.

    Raises ``Conflict`` when there is none.
    """
    fault = Conflict(_NONE)
    for label in pick_next(site, opened, but=but):
        try:
            return begin_one(site, opened, label.uid, author=author)
        except Conflict as one:
            fault = one
    raise fault


def begin_one(site: Site, opened: Opened, uid: str, *, author: str) -> TestFacts:
    """A test of one label; photos of its earlier tests come last. Raises ``NotFound``, ``Conflict``."""
    with site.catalog.session() as session:
        key = get_label(session, uid).key
        if key.dictionary != opened.overlay.dictionary:
            raise NotFound("label", uid, remedy=f"It belongs to another dictionary than {opened.entry.slug}.")
        avoid = {photo.image for test in list_tests(session, [uid])[uid] for photo in test.photos}
        photos = draw_photos(opened, key.concept, rng=SystemRandom(), avoid=avoid)
        return begin_test(session, uid, photos, author=author, atlas=opened.atlas.digest)
