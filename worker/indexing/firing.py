"""Places of concepts by what they fire on: a second map, from codes alone; concepts that fire on nothing have none."""

from typing import Any, Final

import numpy as np
from jaxtyping import Float64, Int64, UInt16
from scipy.sparse import csr_matrix

from worker.indexing.layout import LARGEST, PERPLEXITY, embedded, few_threads, stretched

N_NEAR: Final = int(3 * PERPLEXITY + 1)
"""So many neighbours enter t-SNE at its perplexity."""
_BLOCK: Final = 512
Places = Float64[np.ndarray, "K 2"]
Near = tuple[Int64[np.ndarray, "m n"], Float64[np.ndarray, "m n"]]


def firing_places(codes: csr_matrix, *, beside: UInt16[np.ndarray, "K 2"], seed: int) -> Places:
    """t-SNE (van der Maaten and Hinton 2008) of how concepts fire together, 0..65535 on both axes; NaN = no place.

    ``codes [K n]`` are rows of norm 1, as ``code_matrix`` gives them; the distance of two concepts is::

        d(i, j) = 1 - cos(z_i, z_j) = 1 - sum_t z_i(t) z_j(t) / (|z_i| |z_j|)

    over the sampled patches t, so 0 for two that always fire together in proportion and 1 for two that never meet. Only
    the 91 nearest of each enter (Barnes-Hut: van der Maaten 2014), found in blocks of 512 rows, so that memory grows
    with K and not with its square; where fewer than 91 meet a concept, others at distance 1 are drawn to fill up. It
    starts from the second and third singular vectors of the codes. At last it is turned and mirrored to lie as near to
    ``beside`` as it can (Schoenemann 1966), which changes no distance, and stretched.
    """
    alive = np.flatnonzero(np.diff(codes.indptr))
    places = np.full((codes.shape[0], 2), np.nan)
    if len(alive) < 4:
        places[alive] = LARGEST // 2
        return places
    found = _embedded(codes[alive], seed=seed)
    places[alive] = stretched(_turned(found, beside[alive].astype(np.float64)))
    return places


def nearest_by_firing(codes: csr_matrix, *, n: int, seed: int) -> Near:
    """The ``n`` nearest of each row with their distances, nearest first; equal ones in the order of a seeded draw."""
    rng = np.random.default_rng(seed)
    shuffle = rng.permutation(codes.shape[0])
    columns = codes[shuffle].T.tocsc()
    nearest, distances = [], []
    for start in range(0, codes.shape[0], _BLOCK):
        away = 1 - (codes[start : start + _BLOCK] @ columns).toarray()
        rows = np.arange(len(away))[:, None]
        away[shuffle[None, :] == start + rows] = np.inf  # a concept is not its own neighbour
        first = np.argpartition(away, n - 1, axis=1)[:, :n]
        first = first[rows, np.argsort(away[rows, first], axis=1, kind="stable")]
        nearest.append(shuffle[first])
        distances.append(np.clip(away[rows, first], 0, 1))
    return np.concatenate(nearest), np.concatenate(distances)


def _embedded(codes: csr_matrix, *, seed: int) -> Places:
    from sklearn.decomposition import TruncatedSVD

    m = codes.shape[0]
    perplexity = float(min(PERPLEXITY, (m - 1) / 3))
    n = min(int(3 * perplexity + 1), m - 1)
    graph = _graph(*nearest_by_firing(codes, n=n, seed=seed))
    with few_threads(m):
        start = TruncatedSVD(3, random_state=seed).fit_transform(codes)[:, 1:]
    start = (start / max(float(start[:, 0].std()), 1e-12) * 1e-4).astype(np.float32)
    return embedded(graph, perplexity=perplexity, seed=seed, metric="precomputed", init=start)


def _graph(nearest: Int64[np.ndarray, "m n"], distances: Float64[np.ndarray, "m n"]) -> csr_matrix:
    """Neighbours as a sparse matrix of distances, each row from the nearest on, itself first."""
    m, n = nearest.shape
    columns = np.concatenate([np.arange(m)[:, None], nearest], axis=1)
    values = np.concatenate([np.zeros((m, 1)), distances], axis=1)
    return csr_matrix((values.ravel(), columns.ravel(), np.arange(m + 1) * (n + 1)), shape=(m, m))


def _turned(places: Places, beside: Places) -> Places:
    """Places turned and mirrored about their mean, to the least sum of squared distances to others."""
    centred = places - places.mean(axis=0)
    left, _, right = np.linalg.svd(centred.T @ (beside - beside.mean(axis=0)))
    return np.asarray(centred @ left @ right)


def as_column(values: Float64[np.ndarray, " K"]) -> list[Any]:
    """Places of one axis as the atlas keeps them: whole numbers, None for none."""
    return [None if np.isnan(value) else round(value) for value in values.tolist()]
