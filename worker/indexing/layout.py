"""Places on the map and clusters, by scikit-learn; pictures of directions, not measures of nearness."""

import numpy as np
from jaxtyping import Float32, Int64, UInt16

_LARGEST = 65535


def map_places(atoms: Float32[np.ndarray, "K d"], *, seed: int) -> UInt16[np.ndarray, "K 2"]:
    """t-SNE of the atoms' cosine distances (van der Maaten and Hinton 2008), stretched to 0..65535 on both axes."""
    from sklearn.manifold import TSNE

    if len(atoms) < 4:
        return np.full((len(atoms), 2), _LARGEST // 2, dtype=np.uint16)
    perplexity = float(min(30, (len(atoms) - 1) / 3))
    unit = _unit(atoms)
    places = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=seed, max_iter=500).fit_transform(
        unit
    )
    low, high = places.min(axis=0), places.max(axis=0)
    stretched = (places - low) / np.maximum(high - low, 1e-12) * _LARGEST
    return np.asarray(np.rint(stretched), dtype=np.uint16)


def clusters(atoms: Float32[np.ndarray, "K d"], *, seed: int) -> Int64[np.ndarray, " K"]:
    """k-means of unit atoms with about sqrt(K) clusters, numbered from the largest to the smallest."""
    from sklearn.cluster import MiniBatchKMeans

    n_clusters = max(1, min(len(atoms), round(len(atoms) ** 0.5)))
    labels = MiniBatchKMeans(n_clusters, random_state=seed, n_init=3, batch_size=1024).fit_predict(_unit(atoms))
    order = np.argsort(-np.bincount(labels, minlength=n_clusters), kind="stable")
    return np.asarray(np.argsort(order)[labels], dtype=np.int64)


def _unit(atoms: Float32[np.ndarray, "K d"]) -> Float32[np.ndarray, "K d"]:
    """Rows with norm 1; a zero atom takes the first axis, so that its cosine is defined."""
    norms = np.linalg.norm(atoms, axis=1, keepdims=True)
    unit: Float32[np.ndarray, "K d"] = np.where(norms > 0, atoms / np.maximum(norms, 1e-12), np.eye(1, atoms.shape[1]))
    return unit.astype(np.float32)
