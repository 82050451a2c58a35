"""Alignments of the synthetic store's dictionaries: what pages and the API show."""

import json
from itertools import combinations
from typing import Any

import numpy as np

from store.alignment.schema import VERSION
from store.artifacts import Artifact, Artifacts
from store.catalog.alignments import save_alignment
from store.catalog.collections import get_collection
from store.catalog.session import Catalog
from store.settings import Settings
from store.specs import AlignmentSpec, digest_of
from store.vocabulary import Kind
from tests.alignment_tables import Aligned, AlignmentPlan, side_facts, summary, write_alignment
from tests.atlas_tables import WIDE, WINDOW
from tests.factories import (
    SHOWN,
    Photo,
    Shown,
    dictionary_digest,
    draw_photos,
    image_columns,
    make_atoms,
    patch_features,
)

SPEC = AlignmentSpec()


def make_alignments(settings: Settings, *, n_images: int = 40, shown: tuple[Shown, ...] = SHOWN) -> list[Artifact]:
    """All pairs of the dictionaries of ``make_store`` with the same arguments, recorded in its catalog."""
    photos = draw_photos(n_images, seed=0, with_classes=True)
    sides = [_aligned(photos, one, seed=number) for number, one in enumerate(shown)]
    return [_make(settings, photos, sides=pair) for pair in combinations(sides, 2)]


def _aligned(photos: list[Photo], shown: Shown, *, seed: int) -> Aligned:
    """The same codes as the atlas of the synthetic store has."""
    atoms = make_atoms(shown.n_concepts, seed=seed + len(shown.slug))
    codes = np.maximum(np.einsum("nhwd,kd->nhwk", patch_features(photos, rows=shown.rows, cols=shown.cols), atoms), 0)
    facts = side_facts(
        dictionary=dictionary_digest(shown),
        activations=digest_of({"activations": shown.model}),
        model=shown.model,
        codes=codes,
        window=WINDOW if shown.rows == shown.cols else WIDE,
    )
    return Aligned(codes, atoms, facts)


def _make(settings: Settings, photos: list[Photo], *, sides: tuple[Aligned, Aligned]) -> Artifact:
    a, b = sorted(sides, key=lambda side: side.facts.dictionary)
    artifacts, catalog = Artifacts(settings.store), Catalog(settings.catalog_url)
    with catalog.session() as session:
        collection = get_collection(session, "shapes").digest
    plan = _plan(photos, a, b, collection=collection)
    inputs = {"a": a.facts.dictionary, "b": b.facts.dictionary, "collection": collection, "schema": str(VERSION)}
    with artifacts.draft(Kind.ALIGNMENT, SPEC, inputs=inputs) as draft:
        draft.contents["alignment.duckdb"] = write_alignment(draft.path, plan)
        artifact = artifacts.publish(draft)
    with catalog.session() as session:
        save_alignment(session, inputs["a"], inputs["b"], digest=artifact.digest, headline=summary(plan))
    catalog.close()
    return artifact


def _plan(photos: list[Photo], a: Aligned, b: Aligned, *, collection: str) -> AlignmentPlan:
    images = image_columns(photos)
    n_learned = images["split"].count("train")
    plan = AlignmentPlan(a, b, images, SPEC, {}, np.roll(np.arange(n_learned), n_learned // 2 + 1))
    facts: dict[str, Any] = {
        "a": a.facts.as_json(),
        "b": b.facts.as_json(),
        "collection": {"digest": collection, "slug": "shapes", "title": "Drawn shapes", "n_images": len(photos)},
        "grid": {"rows": plan.grid.rows, "cols": plan.grid.cols},
        "n_images": {"train": n_learned, "held_out": len(photos) - n_learned},
        "n_tokens": len(photos) * plan.grid.n_patches,
        "spec": SPEC.as_json(),
        "null": {"what": "images of side b permuted", "n_parts": 1},
    }
    return AlignmentPlan(a, b, images, SPEC, json.loads(json.dumps(facts)), plan.permuted)
