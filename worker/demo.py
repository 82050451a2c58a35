"""The demo: from the demo photos to four dictionaries with their atlases."""

from pathlib import Path

from store.errors import NotFound
from store.presets import DEMO_COLLECTION, DEMO_DICTIONARIES
from store.settings import Settings
from store.specs import AtlasSpec
from worker.workshop import Wanted, Workshop

_FETCHED = Path(".setup") / "demo-photos"


def find_demo_photos(settings: Settings) -> Path:
    """The folder of the demo photos; raises ``NotFound`` that says how to fetch them."""
    checkout = Path(__file__).resolve().parent.parent / _FETCHED
    for folder in (settings.demo_photos, _FETCHED, checkout):
        if folder is not None and folder.is_dir():
            return folder
    asked = settings.demo_photos or _FETCHED
    raise NotFound("folder of demo photos", str(asked), remedy="Run `make setup`, or give a folder by --photos.")


def build_demo(workshop: Workshop, photos: Path) -> list[str]:
    """Build what is missing; returns the slugs of the demo's dictionaries."""
    workshop.ingest(photos, DEMO_COLLECTION)
    for dictionary in DEMO_DICTIONARIES:
        activations = workshop.extract(DEMO_COLLECTION.slug, dictionary.extraction)
        wanted = Wanted(dictionary.slug, dictionary.title, dictionary.spec)
        workshop.train([wanted], activations=activations.artifact)
        workshop.atlas(dictionary.slug, AtlasSpec())
    return [dictionary.slug for dictionary in DEMO_DICTIONARIES]
