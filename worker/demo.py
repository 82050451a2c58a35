"""The demo: from the photos to four dictionaries with their alignments and a universal one, as a pipeline of jobs."""

from itertools import combinations
from pathlib import Path

from store.errors import NotFound
from store.jobs import AlignJob, IndexJob, IngestJob, Member, NamedDictionary, PipelineJob, TrainJob, UniversalJob
from store.presets import (
    DEMO_COLLECTION,
    DEMO_DICTIONARIES,
    DEMO_JOINT_SLUG,
    DEMO_JOINT_TITLE,
    DEMO_STREAMS,
    DEMO_UNIVERSAL,
)
from store.settings import Settings

_FETCHED = Path(".setup") / "demo-photos"


def find_demo_photos(settings: Settings) -> Path:
    """The folder of the demo photos; raises ``NotFound`` that says how to fetch them."""
    checkout = Path(__file__).resolve().parent.parent / _FETCHED
    for folder in (settings.demo_photos, _FETCHED, checkout):
        if folder is not None and folder.is_dir():
            return folder
    asked = settings.demo_photos or _FETCHED
    raise NotFound("folder of demo photos", str(asked), remedy="Run `make setup`, or give a folder by --photos.")


def demo_pipeline(photos: Path, *, rebuild: bool = False) -> PipelineJob:
    """From the photos to atlases and alignments; a dictionary is indexed while the next one is trained."""
    again = {"rebuild": rebuild}
    learned_at: dict[str, int] = {}
    members = [Member(job=IngestJob(folder=photos.absolute(), collection=DEMO_COLLECTION, **again))]
    for one in DEMO_DICTIONARIES:
        named = NamedDictionary(slug=one.slug, title=one.title, spec=one.spec)
        learned = TrainJob(collection=DEMO_COLLECTION.slug, extraction=one.extraction, dictionaries=(named,), **again)
        members.append(Member(job=learned, after=(0,)))
        learned_at[one.slug] = len(members) - 1
        members.append(Member(job=IndexJob(dictionary=one.slug, **again), after=(len(members) - 1,)))
    members.append(Member(job=_joined(rebuild=rebuild), after=(0, *learned_at.values())))
    members.append(Member(job=IndexJob(dictionary=DEMO_JOINT_SLUG, **again), after=(len(members) - 1,)))
    for a, b in combinations(learned_at, 2):
        members.append(Member(job=AlignJob(first=a, second=b, **again), after=(learned_at[a], learned_at[b])))
    return PipelineJob(title="The demo", members=tuple(members), **again)


def _joined(*, rebuild: bool) -> UniversalJob:
    """All three models' concepts at once, from the activations that the others were learned from."""
    return UniversalJob(
        collection=DEMO_COLLECTION.slug,
        streams=DEMO_STREAMS,
        slug=DEMO_JOINT_SLUG,
        title=DEMO_JOINT_TITLE,
        spec=DEMO_UNIVERSAL,
        rebuild=rebuild,
    )
