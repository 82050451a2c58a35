"""From a subject to its atlas: one pass over the tokens, then all tables."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from store.artifacts import Artifact, Artifacts
from store.atlas.schema import FILE
from store.atlas.writer import AtlasWriter
from store.specs import AtlasSpec
from store.vocabulary import Kind, Neighbors
from worker.dictionaries.base import Dictionary
from worker.indexing import tables
from worker.indexing.badges import find_badges, position_entropy
from worker.indexing.bands import Bands
from worker.indexing.clusters import clusters
from worker.indexing.firing import as_column, firing_places
from worker.indexing.heads import HeadScan, write_heads
from worker.indexing.layout import map_places
from worker.indexing.neighbors import code_matrix, neighbor_lists
from worker.indexing.pairs import Pairs
from worker.indexing.scan import Encoded, Progress, Scan, scan_tokens
from worker.indexing.sprites import Sprites
from worker.indexing.staging import Staging
from worker.indexing.stream_tables import stream_columns, write_streams
from worker.indexing.streams import StreamScan
from worker.indexing.subject import Subject

_STAGING = ".staging"


def make_atlas(spec: AtlasSpec, subject: Subject, artifacts: Artifacts, *, on_progress: Progress) -> Artifact:
    """Build the atlas, or find it when it has been built; nothing is visible before it is whole."""
    found = artifacts.find(Kind.ATLAS, spec, inputs=subject.inputs)
    if found is not None:
        return found
    with artifacts.draft(Kind.ATLAS, spec, inputs=subject.inputs) as draft:
        if draft.found is not None:
            return draft.found
        draft.clear()
        making = Making(spec, subject, draft.path / _STAGING, on_progress)
        making.scan_all()
        with AtlasWriter(draft.path / FILE) as writer:
            making.write(writer)
            draft.contents[FILE] = writer.content_sha256
        making.staging.drop()
        return artifacts.publish(draft)


class Making:
    """An atlas while it is made."""

    def __init__(self, spec: AtlasSpec, subject: Subject, folder: Path, on_progress: Progress) -> None:
        self._spec, self._subject, self._tell = spec, subject, on_progress
        self._names, classes = subject.collection.class_places()
        self.scan = Scan(
            spec=spec,
            n_concepts=subject.dictionary.n_concepts,
            n_patches=subject.grid.n_patches,
            width=subject.dictionary.width,
            classes=np.array(classes, dtype=np.int64),
            n_classes=len(self._names),
        )
        self.staging = Staging(folder, image_top=spec.image_top, patch_top=spec.patch_top)
        self.heads = None
        if subject.head is not None:
            groups = self.scan.classes
            self.heads = HeadScan(subject.head, subject.dictionary, groups=groups, group_names=self._names)
        self.streams = None
        if subject.views is not None:
            self.streams = StreamScan(subject.views, spec, n_patches=subject.grid.n_patches, folder=folder)

    def scan_all(self) -> None:
        """The pass over all tokens."""
        scan_tokens(
            self.scan,
            self._subject.dictionary,
            self._subject.read(),
            n_images=len(self._subject.collection.images),
            on_progress=self._tell,
            on_pairs=self._keep,
            encode=None if self.streams is None else self.streams.encode,
        )

    def _keep(self, encoded: Encoded, pairs: Pairs) -> None:
        self.staging.add(encoded, pairs)
        if self.heads is not None:
            self.heads.add(encoded, pairs)
        if self.streams is not None:
            self.streams.add(encoded)

    def write(self, writer: AtlasWriter) -> None:
        """All tables."""
        subject, totals = self._subject, self.scan.totals
        atoms = _atoms(subject.dictionary)
        self._tell(0, self.scan.n_concepts, "neighbours")
        lists = neighbor_lists(self.scan, atoms, n=self._spec.n_neighbors)
        badges = find_badges(
            totals,
            entropy=position_entropy(totals.position),
            decoder=lists[Neighbors.DECODER],
            coactivation=lists[Neighbors.COACTIVATION],
        )
        bands = Bands(self.scan)
        writer.write_meta(_facts(subject, self._spec))
        rows = subject.streams
        writer.append("stream", {name: [row[name] for row in rows] for name in rows[0]})
        columns = tables.concept_columns(
            self.scan,
            bands,
            names=self._names,
            energy=(totals.total / totals.n_tokens) ** 2 * np.square(atoms.astype(np.float64)).sum(axis=1),
            entropy=position_entropy(totals.position),
            badges=badges,
        )
        columns |= stream_columns(self.streams, n_concepts=self.scan.n_concepts)
        writer.append("concept", columns | self._map(atoms, lists[Neighbors.DECODER][0]))
        evidence = self._write_examples(writer, bands)
        self._write_images(writer, evidence if self.heads is None else evidence | self.heads.evidence)
        tables.write_neighbors(writer, lists)
        slopes = None if self.heads is None else self.heads.slopes(self._names)
        tables.write_classes(writer, totals, self._names, slopes=slopes)
        if self.heads is not None:
            self._tell(self.scan.n_concepts, self.scan.n_concepts, "classes that the model predicts")
            write_heads(writer, self.heads, seed=self._spec.seed)
        tables.write_badges(writer, badges)
        if self.streams is not None:
            write_streams(writer, self.streams)

    def _map(
        self, atoms: np.ndarray[tuple[int, int], np.dtype[np.float32]], nearest: np.ndarray[Any, np.dtype[np.int64]]
    ) -> dict[str, Any]:
        self._tell(0, self.scan.n_concepts, "map")
        seed = self._spec.seed
        places = map_places(atoms, seed=seed)
        firing = firing_places(code_matrix(self.scan), beside=places, seed=seed)
        return {
            "map_x": places[:, 0],
            "map_y": places[:, 1],
            "firing_x": as_column(firing[:, 0]),
            "firing_y": as_column(firing[:, 1]),
            "cluster": clusters(nearest, seed=seed),
        }

    def _write_examples(self, writer: AtlasWriter, bands: Bands) -> set[int]:
        subject, others = self._subject, []
        if self.streams is not None:
            again = self.streams.look_again(bands, on_progress=self._tell)
            others = [again.seen_by(row["stream"]) for row in subject.streams if not row["is_mean"]]
        return tables.write_examples(
            writer,
            bands,
            Sprites(subject.collection, windows=subject.windows, grid=subject.grid, crop_px=self._spec.crop_px),
            largest=self.scan.totals.largest,
            grid=subject.grid,
            on_progress=self._tell,
            others=others,
        )

    def _write_images(self, writer: AtlasWriter, evidence: set[int]) -> None:
        self._tell(self.scan.n_concepts, self.scan.n_concepts, "images")
        totals, stagings = [self.scan.totals], [self.staging]
        if self.streams is not None:
            totals += self.streams.totals
            stagings += self.streams.stagings
        tables.write_images(writer, self._subject.collection, evidence)
        tables.write_per_image(
            writer,
            stagings,
            evidence=evidence,
            largest=[one.largest for one in totals],
            image_top=self._spec.image_top,
            grid=self._subject.grid,
        )
        tables.write_histograms(writer, totals)
        tables.write_positions(writer, totals)


@torch.inference_mode()
def _atoms(dictionary: Dictionary) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return dictionary.atoms.to("cpu", torch.float32).numpy()


def _facts(subject: Subject, spec: AtlasSpec) -> dict[str, Any]:
    collection = subject.collection
    return {
        "atlas_spec": spec.as_json(),
        "collection": {
            "slug": collection.spec["slug"],
            "title": collection.spec["title"],
            "digest": collection.digest,
            "n_images": len(collection.images),
        },
        "dictionary": {"digest": subject.inputs["dictionary"]},
        "spec": subject.dictionary.spec.as_json(),
        **subject.facts,
    }
