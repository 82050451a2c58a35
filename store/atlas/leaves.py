"""In which order things stand beside each other so that like ones are neighbours."""

import numpy as np
from jaxtyping import Float64


def leaf_order(vectors: Float64[np.ndarray, "n d"]) -> list[int]:
    """Leaves of the tree of average linkage by cosine, from left to right::

        distance(A, B) = mean over a in A, b in B of 1 - <a, b> / (|a| |b|),  1 where either has no length

    The nearest two clusters are joined until one is left; of equally near ones those whose first members come first.
    What holds the earliest thing stands to the left.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    sums = 1.0 - units @ units.T
    clusters = [[leaf] for leaf in range(len(vectors))]
    while len(clusters) > 1:
        sizes = np.array([len(cluster) for cluster in clusters])
        means = np.round(sums / np.outer(sizes, sizes), 12)
        means[np.tril_indices(len(clusters))] = np.inf
        left, right = divmod(int(means.argmin()), len(clusters))
        clusters[left] += clusters.pop(right)
        sums[left] += sums[right]
        sums[:, left] += sums[:, right]
        sums = np.delete(np.delete(sums, right, axis=0), right, axis=1)
    return clusters[0] if clusters else []
