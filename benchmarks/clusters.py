"""Clusters of the demo's dictionaries beside k-means: how even, how true to neighbours and classes, how steady."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from benchmarks.machine import WORK, emit
from store.artifacts import Artifacts
from store.atlas.reader import Atlas
from store.vocabulary import Kind
from worker.dictionaries.files import load_dictionary
from worker.indexing.clusters import clusters

_N_NEAR: Final = 20
_N_SEEN: Final = 5
Array = np.ndarray[Any, Any]


def main() -> None:
    """Every dictionary of a store that has an atlas."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=WORK / "demo-store")
    emit(dict(_measured(Artifacts(parser.parse_args().store))))


def _measured(artifacts: Artifacts) -> Iterator[tuple[str, Any]]:
    known = {artifact.digest: artifact for artifact in artifacts.list(Kind.DICTIONARY)}
    for artifact in artifacts.list(Kind.ATLAS):
        dictionary = known.get(artifact.manifest.inputs["dictionary"])
        if dictionary is None:
            continue
        atlas = Atlas(artifact)
        atoms = load_dictionary(dictionary.folder()).atoms.detach().numpy()
        unit = atoms / np.maximum(np.linalg.norm(atoms, axis=1, keepdims=True), 1e-12)
        nearest = _nearest(unit)
        found = {
            "k_means": [_k_means(unit, seed) for seed in (0, 1)],
            "graph": [clusters(nearest, seed=seed) for seed in (0, 1)],
        }
        classes = atlas.columns["top_class"]
        name = f"{dictionary.manifest.spec['method']}, {unit.shape[1]} wide, {dictionary.digest[:8]}"
        yield name, {way: _told(*ways, nearest, classes) for way, ways in found.items()}
        atlas.close()


def _nearest(unit: Array) -> Array:
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    return np.argsort(-cosines, axis=1)[:, :_N_NEAR]


def _k_means(unit: Array, seed: int) -> Array:
    n_clusters = round(len(unit) ** 0.5)
    return MiniBatchKMeans(n_clusters, random_state=seed, n_init=3, batch_size=1024).fit_predict(unit)


def _told(labels: Array, again: Array, nearest: Array, classes: Array) -> dict[str, float]:
    shares = np.bincount(labels) / len(labels)
    fires = np.array([name is not None for name in classes])
    names = [str(name) for name in classes[fires]]
    return {
        "concepts": len(labels),
        "largest": int(np.bincount(labels).max()),
        "five_nearest_within": round(float((labels[nearest[:, :_N_SEEN]] == labels[:, None]).mean()), 3),
        "by_chance": round(float((shares**2).sum()), 3),
        "class_information": round(float(normalized_mutual_info_score(names, labels[fires])), 3),
        "two_seeds": round(float(adjusted_rand_score(labels, again)), 3),
    }


if __name__ == "__main__":
    main()
