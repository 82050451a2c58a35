"""Estimates of jobs, from what the store holds and what earlier jobs took."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pydantic import ValidationError

from app.origin import why_no_jobs
from app.site import Site
from app.views.jobs import EstimateView, StepEstimateView
from store.catalog.collections import list_collections
from store.catalog.dictionaries import list_dictionaries
from store.catalog.experience import DoneStep, list_done_steps
from store.estimates import Past, Surroundings, estimate, steps_of
from store.jobs import AnyJob, IngestJob, load_job
from store.vocabulary import Kind

_LOOK_AT_MOST: Final = 100_000
"""Entries of a folder that are looked at while somebody waits for an answer."""
_PHOTOS: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")


def make_estimate(site: Site, job: AnyJob) -> EstimateView:
    """What a job will take."""
    around = _surroundings(site)
    counted = replace(around, n_photos=_n_photos) if not why_no_jobs(site) else around
    found = estimate(job, counted, past=list(_past(site, around)))
    return EstimateView(
        seconds=found.seconds,
        memory_bytes=found.memory_bytes,
        disk_bytes=found.disk_bytes,
        steps=tuple(
            StepEstimateView(name=one.name, key=one.key, seconds=one.seconds, basis=one.basis, n_earlier=one.n_earlier)
            for one in found.steps
        ),
    )


def _surroundings(site: Site) -> Surroundings:
    """What the catalog knows; photos are those of the collection that they have become, no folder is looked at."""
    with site.catalog.session() as session:
        images = {row.slug: row.n_images for row in list_collections(session)}
        learned = {row.slug: row for row in list_dictionaries(session, with_atlas=False)}
    concepts = {slug: row.n_concepts for slug, row in learned.items()}
    collections = {slug: row.collection.slug for slug, row in learned.items()}
    streams = {slug: len(row.model.facts["streams"]) for slug, row in learned.items() if "streams" in row.model.facts}
    return Surroundings(
        n_images=images.get,
        n_photos=lambda job: images.get(job.collection.slug),
        n_concepts=concepts.get,
        collection_of=collections.get,
        n_streams=streams.get,
    )


def _n_photos(job: IngestJob) -> int | None:
    """Photos in the folder, if this machine sees it and there is not too much in it to be counted at once.

    Only for visitors who may start jobs: nobody else is told what lies on this machine.
    """
    n_photos = n_seen = 0
    for _, folders, names in os.walk(job.folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        n_photos += sum(name.lower().endswith(_PHOTOS) for name in names)
        n_seen += len(folders) + len(names)
        if n_seen > _LOOK_AT_MOST:
            return None
    return n_photos if n_seen else None


def _past(site: Site, around: Surroundings) -> Iterator[Past]:
    """Steps that were really done here; those that found their result made are left out."""
    with site.catalog.session() as session:
        done = list_done_steps(session)
    for one in done:
        past = _as_past(one, around)
        if past is not None:
            yield past


def _as_past(done: DoneStep, around: Surroundings) -> Past | None:
    kinds = {"collection": Kind.COLLECTION, "activations": Kind.ACTIVATIONS, "dictionaries": Kind.DICTIONARY}
    kinds |= {"universal": Kind.UNIVERSAL, "atlas": Kind.ATLAS, "alignment": Kind.ALIGNMENT}
    made = [one for one in done.made if one["kind"] == kinds.get(done.name)]
    try:
        job = load_job(done.spec)
    except ValidationError:  # of another version
        return None
    if len(made) != 1 or made[0].get("reused", True):
        return None
    steps = [step for step in steps_of(job, around) if step.name == done.name]
    return Past(steps[0], done.seconds, done.peak_bytes) if len(steps) == 1 else None
