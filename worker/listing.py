"""What a store holds, as plain rows."""

from collections.abc import Sequence
from typing import Any

from store.artifacts import Artifacts, open_artifacts
from store.catalog.alignments import list_alignments
from store.catalog.collections import list_collections
from store.catalog.dictionaries import list_dictionaries
from store.catalog.session import Catalog
from store.catalog.tables import Alignment
from store.errors import NotFound
from store.settings import Settings
from store.vocabulary import Kind


def list_everything(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Collections, dictionaries and alignments with their headline numbers, and artifacts with their sizes."""
    if not (settings.store.is_dir() or settings.is_elsewhere):
        raise NotFound(
            "store", str(settings.store), remedy="Give another --store, or make one with `conceptoscope demo`."
        )
    catalog = Catalog(settings.catalog_url)
    with catalog.session() as session:
        collections = [
            {"slug": row.slug, "images": row.n_images, "digest": row.digest[:12], "folder": row.folder or ""}
            for row in list_collections(session)
        ]
        learned = list_dictionaries(session, with_atlas=False)
        alignments = _alignments(list_alignments(session), names={row.digest: row.slug for row in learned})
        dictionaries = [
            {
                "slug": row.slug,
                "model": row.model.title,
                "layer": row.layer,
                "method": row.method,
                "concepts": row.n_concepts,
                "digest": row.digest[:12],
                "atlas": row.atlas.digest[:12] if row.atlas else "",
                **{key: round(value, 4) for key, value in (row.atlas.headline if row.atlas else {}).items()},
            }
            for row in learned
        ]
    catalog.close()
    return {
        "collections": collections,
        "dictionaries": dictionaries,
        "alignments": alignments,
        "artifacts": _artifacts(open_artifacts(settings)),
    }


def _alignments(rows: Sequence[Alignment], *, names: dict[str, str]) -> list[dict[str, Any]]:
    """Alignments of dictionaries that still have a name, by digest."""
    return [
        {
            "first": names[row.first_digest],
            "second": names[row.second_digest],
            "digest": row.digest[:12],
            **{key: row.headline.get(key) for key in ("n_pairs", "n_matched", "n_mutual", "correlation", "held_out")},
        }
        for row in rows
        if row.first_digest in names and row.second_digest in names
    ]


def _artifacts(artifacts: Artifacts) -> list[dict[str, Any]]:
    rows = []
    for kind in Kind:
        for artifact in artifacts.list(kind):
            try:
                manifest = artifact.manifest
            except NotFound:  # a collector has just removed it
                continue
            size = sum(entry.n_bytes for entry in manifest.files.values())
            rows.append(
                {
                    "kind": kind.value,
                    "digest": artifact.digest[:12],
                    "files": len(manifest.files),
                    "MiB": round(size / 2**20, 1),
                    "made": f"{manifest.created_at:%Y-%m-%d %H:%M}",
                }
            )
    return rows
