"""The index job: a dictionary, its activations and their collection become an atlas."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from store.artifacts import Artifact, Artifacts
from store.atlas.schema import FILE
from store.atlas.writer import AtlasWriter
from store.collection import Collection
from store.errors import InvalidInput
from store.grid import Grid
from store.specs import AtlasSpec
from store.vocabulary import Kind, Neighbors, Tokens
from worker.activations import ActivationStore
from worker.dictionaries.base import Dictionary
from worker.indexing import tables
from worker.indexing.badges import find_badges, position_entropy
from worker.indexing.bands import Bands
from worker.indexing.layout import clusters, map_places
from worker.indexing.neighbors import neighbor_lists
from worker.indexing.scan import Scan, scan_tokens
from worker.indexing.sprites import Sprites
from worker.indexing.staging import Staging
from worker.jobs.requests import atlas_inputs

log = logging.getLogger(__name__)
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class IndexInputs:
    """What an atlas is made from."""

    dictionary: Dictionary
    dictionary_artifact: Artifact
    activations: ActivationStore
    collection: Collection
    facts: dict[str, Any]  # goes into the meta table: metrics, history, titles

    @property
    def shown(self) -> Tokens:
        """The tokens that are evidence: patches, but for a dictionary of class tokens."""
        learned_from = self.dictionary.spec.tokens
        if learned_from is Tokens.REGISTERS:
            raise InvalidInput(
                "This dictionary was learned from register tokens, which stand for no place of a photo, so there is "
                "nothing to show; train on patches, class tokens or all tokens to make an atlas."
            )
        return Tokens.CLASS if learned_from is Tokens.CLASS else Tokens.PATCHES

    @property
    def grid(self) -> Grid:
        """The places of the evidence on a photo; a class token stands for the whole of it."""
        return Grid(1, 1) if self.shown is Tokens.CLASS else self.activations.geometry.grid

    @property
    def digests(self) -> dict[str, str]:
        """What the request is made from."""
        return atlas_inputs(self.dictionary_artifact, activations=self.activations.artifact)


def index(spec: AtlasSpec, inputs: IndexInputs, artifacts: Artifacts, *, on_progress: Progress) -> Artifact:
    """Build the atlas, or find it when it has been built; nothing is visible before it is whole."""
    found = artifacts.find(Kind.ATLAS, spec, inputs=inputs.digests)
    if found is not None:
        return found
    with artifacts.draft(Kind.ATLAS, spec, inputs=inputs.digests) as draft:
        if draft.found is not None:
            return draft.found
        draft.clear()
        staging = Staging(draft.path / ".staging", image_top=spec.image_top, patch_top=spec.patch_top)
        scan = _scan(spec, inputs, staging, on_progress=on_progress)
        with AtlasWriter(draft.path / FILE) as writer:
            _write(writer, scan, inputs, staging, on_progress=on_progress)
            draft.contents[FILE] = writer.content_sha256
        staging.drop()
        return artifacts.publish(draft)


def _scan(spec: AtlasSpec, inputs: IndexInputs, staging: Staging, *, on_progress: Progress) -> Scan:
    store, (names, classes) = inputs.activations, inputs.collection.class_places()
    scan = Scan(
        spec=spec,
        n_concepts=inputs.dictionary.n_concepts,
        n_patches=inputs.grid.n_patches,
        width=store.geometry.width,
        classes=np.array(classes, dtype=np.int64),
        n_classes=len(names),
    )
    scan_tokens(
        scan,
        inputs.dictionary,
        _shards(store, inputs.shown),
        n_images=store.n_images,
        on_progress=on_progress,
        on_pairs=staging.add,
    )
    return scan


def _shards(store: ActivationStore, tokens: Tokens) -> Iterator[tuple[Int64[np.ndarray, " n"], Float[Tensor, "n p d"]]]:
    for shard in store.shards():
        yield np.asarray(shard.images, dtype=np.int64), store.chosen(shard, tokens)


def _write(writer: AtlasWriter, scan: Scan, inputs: IndexInputs, staging: Staging, *, on_progress: Progress) -> None:
    store, spec = inputs.activations, scan.spec
    grid, largest = inputs.grid, scan.totals.largest
    names, _ = inputs.collection.class_places()
    atoms = _atoms(inputs.dictionary)
    on_progress(0, scan.n_concepts, "neighbours")
    lists = neighbor_lists(scan, atoms, n=spec.n_neighbors)
    entropy = position_entropy(scan.totals.position)
    badges = find_badges(
        scan.totals, entropy=entropy, decoder=lists[Neighbors.DECODER], coactivation=lists[Neighbors.COACTIVATION]
    )
    bands = Bands(scan)
    on_progress(0, scan.n_concepts, "map")
    places = map_places(atoms, seed=spec.seed)
    energy = (scan.totals.total / scan.totals.n_tokens) ** 2 * np.square(atoms.astype(np.float64)).sum(axis=1)
    columns = tables.concept_columns(scan, bands, names=names, energy=energy, entropy=entropy, badges=badges)
    columns |= {"map_x": places[:, 0], "map_y": places[:, 1], "cluster": clusters(atoms, seed=spec.seed)}
    writer.write_meta(_facts(inputs, spec))
    writer.append("stream", _stream_columns(store, inputs.grid))
    writer.append("concept", columns)
    sprites = Sprites(inputs.collection, window=store.window, grid=grid, crop_px=spec.crop_px)
    evidence = tables.write_examples(writer, bands, sprites, largest=largest, grid=grid, on_progress=on_progress)
    on_progress(scan.n_concepts, scan.n_concepts, "images")
    tables.write_images(writer, inputs.collection, evidence)
    tables.write_per_image(writer, staging, evidence=evidence, largest=largest, image_top=spec.image_top, grid=grid)
    tables.write_histograms(writer, scan.totals)
    tables.write_positions(writer, scan.totals)
    tables.write_neighbors(writer, lists)
    tables.write_classes(writer, scan.totals, names)
    tables.write_badges(writer, badges)


@torch.inference_mode()
def _atoms(dictionary: Dictionary) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return dictionary.atoms.to("cpu", torch.float32).numpy()


def _facts(inputs: IndexInputs, spec: AtlasSpec) -> dict[str, Any]:
    collection = inputs.collection
    return {
        "atlas_spec": spec.as_json(),
        "collection": {
            "slug": collection.spec["slug"],
            "title": collection.spec["title"],
            "digest": collection.digest,
            "n_images": len(collection.images),
        },
        "dictionary": {"digest": inputs.dictionary_artifact.digest},
        "spec": inputs.dictionary.spec.as_json(),
        **inputs.facts,
    }


def _stream_columns(store: ActivationStore, grid: Grid) -> dict[str, Any]:
    geometry, window = store.geometry, store.window
    row = {
        "stream": 0,
        "model": store.model,
        "layer": store.layer,
        "width": geometry.width,
        "grid_rows": grid.rows,
        "grid_cols": grid.cols,
        "n_class": geometry.n_class,
        "n_register": geometry.n_register,
        "height_px": window.height_px,
        "width_px": window.width_px,
        "fit": window.fit.value,
        "crop_ratio": window.crop_ratio,
    }
    return {name: [value] for name, value in row.items()}
