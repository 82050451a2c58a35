"""Places on the map, by scikit-learn; pictures of directions, not measures of nearness."""

from typing import Any, Final

import numpy as np
from jaxtyping import Float32, Float64, UInt16

LARGEST: Final = 65535
PERPLEXITY: Final = 30.0
ALONE: Final = 4096
"""Up to so many concepts one thread does it: several would wait for each other longer than they work, and the last
digits would depend on how many there are."""


def map_places(atoms: Float32[np.ndarray, "K d"], *, seed: int) -> UInt16[np.ndarray, "K 2"]:
    """t-SNE of the atoms' cosine distances (van der Maaten and Hinton 2008), stretched to 0..65535 on both axes."""
    if len(atoms) < 4:
        return np.full((len(atoms), 2), LARGEST // 2, dtype=np.uint16)
    perplexity = float(min(PERPLEXITY, (len(atoms) - 1) / 3))
    places = embedded(_unit(atoms), perplexity=perplexity, seed=seed, metric="cosine", init="pca")
    return np.asarray(np.rint(stretched(places)), dtype=np.uint16)


def embedded(points: Any, *, perplexity: float, seed: int, **how: Any) -> Float64[np.ndarray, "K 2"]:
    """Barnes-Hut t-SNE (van der Maaten 2014) in 500 steps; ``how`` names metric and start."""
    from sklearn.manifold import TSNE

    tsne = TSNE(perplexity=perplexity, random_state=seed, max_iter=500, **how)
    with few_threads(points.shape[0]):
        return np.asarray(tsne.fit_transform(points), dtype=np.float64)


def few_threads(n_concepts: int) -> Any:
    """A context in which few concepts are worked on by one thread."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1 if n_concepts <= ALONE else None)


def stretched(places: Any) -> Float64[np.ndarray, "K 2"]:
    """Places over 0..65535 on both axes."""
    low, high = places.min(axis=0), places.max(axis=0)
    return np.asarray((places - low) / np.maximum(high - low, 1e-12) * LARGEST, dtype=np.float64)


def _unit(atoms: Float32[np.ndarray, "K d"]) -> Float32[np.ndarray, "K d"]:
    """Rows with norm 1; a zero atom takes the first axis, so that its cosine is defined."""
    norms = np.linalg.norm(atoms, axis=1, keepdims=True)
    unit: Float32[np.ndarray, "K d"] = np.where(norms > 0, atoms / np.maximum(norms, 1e-12), np.eye(1, atoms.shape[1]))
    return unit.astype(np.float32)
