"""Clusters of concepts: parts of the graph of who is near whom by direction that hang together."""

import warnings
from typing import Any, Final

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float64, Int64

from worker.indexing.layout import few_threads

N_NEAR: Final = 10
_N_ROUNDS, _TOLERANCE = 40, 1e-3
_DENSE: Final = 1024
"""Up to so many concepts all eigenvectors are found at once, which no start can change."""


def clusters(nearest: Int64[np.ndarray, "K n"], *, seed: int) -> Int64[np.ndarray, " K"]:
    """Spectral clusters, about sqrt(K) of them, numbered from the largest to the smallest.

    ``nearest`` holds for each concept its nearest by the cosine of atoms, the nearest first, -1 for none. With
    ``A[i, j] = 1`` where j is among the ten nearest of i, ``W = (A + A') / 2`` and ``D`` its row sums, the eigenvectors
    ``V [K c]`` of the largest eigenvalues of ``D^-1/2 W D^-1/2`` (Shi and Malik 2000) are turned by QR with pivoting so
    that each concept lies along one axis (Damle, Minden and Ying 2019): unlike k-means that needs no start, and finds
    no heap of all that is near nothing else. ``seed`` is where the search for eigenvectors begins on more than 1,024
    concepts.
    """
    n_concepts = len(nearest)
    n_clusters = max(1, min(n_concepts, round(n_concepts**0.5)))
    if n_clusters == 1:
        return np.zeros(n_concepts, dtype=np.int64)
    with few_threads(n_concepts):
        labels = _along_axes(_eigenvectors(_normalised(nearest), n_clusters, seed=seed))
    order = np.argsort(-np.bincount(labels, minlength=n_clusters), kind="stable")
    return np.asarray(np.argsort(order)[labels], dtype=np.int64)


def _normalised(nearest: Int64[np.ndarray, "K n"]) -> Any:
    """``D^-1/2 W D^-1/2``, sparse."""
    n_concepts, near = len(nearest), nearest[:, :N_NEAR]
    rows, slots = np.nonzero(near >= 0)
    places = rows, near[rows, slots]
    graph = scipy.sparse.csr_matrix((np.ones(len(rows)), places), shape=(n_concepts, n_concepts))
    graph = (graph + graph.T) / 2
    scale = scipy.sparse.diags(1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)))
    return (scale @ graph @ scale).tocsr()


def _eigenvectors(graph: Any, n: int, *, seed: int) -> Float64[np.ndarray, "K c"]:
    """Those of the ``n`` largest eigenvalues; by blocks (Knyazev 2001), as equal eigenvalues are common here."""
    n_concepts = graph.shape[0]
    if n_concepts <= _DENSE:
        return np.asarray(scipy.linalg.eigh(graph.toarray(), subset_by_index=(n_concepts - n, n_concepts - 1))[1])
    start = np.random.default_rng(seed).standard_normal((n_concepts, n))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the last vectors are not exact: none has to be
        return np.asarray(scipy.sparse.linalg.lobpcg(graph, start, largest=True, maxiter=_N_ROUNDS, tol=_TOLERANCE)[1])


def _along_axes(vectors: Float64[np.ndarray, "K c"]) -> Int64[np.ndarray, " K"]:
    """The axis that each row lies along most, once the rows that differ most have been turned into the axes."""
    _, _, pivots = scipy.linalg.qr(vectors.T, mode="economic", pivoting=True)
    left, _, right = np.linalg.svd(vectors[pivots[: vectors.shape[1]]].T)
    return np.asarray(np.abs(vectors @ (left @ right)).argmax(axis=1), dtype=np.int64)
