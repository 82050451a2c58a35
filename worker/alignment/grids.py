"""The shared grid: two models' codes brought to the same places of a photo, by area."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from scipy.sparse import block_diag, csr_array, eye_array, kron

from store.grid import Box, Grid, Window

_LEAST_SHARE = 1e-6  # of a cell; what is less is rounding


def shared_grid(one: Grid, other: Grid) -> Grid:
    """The coarser of both in either direction."""
    return Grid(min(one.rows, other.rows), min(one.cols, other.cols))


def both_see(one: Box, other: Box) -> Box:
    """The part of a photo that both models see: never empty, as windows are centred."""
    return Box(
        max(one.left, other.left), max(one.top, other.top), min(one.right, other.right), min(one.bottom, other.bottom)
    )


def pooling(own: Grid, seen: Box, *, shared: Grid, box: Box) -> csr_array:
    """Weights ``P [cells patches]``: the share of each cell's area that a patch covers; rows sum to 1.

    Cells tile ``box``, patches tile ``seen``, which holds it, so that areas are products of lengths.
    """
    rows = _shares(own.rows, seen.top, seen.bottom, n_cells=shared.rows, low=box.top, high=box.bottom)
    cols = _shares(own.cols, seen.left, seen.right, n_cells=shared.cols, low=box.left, high=box.right)
    weights = np.kron(rows, cols)
    return csr_array(np.where(weights > _LEAST_SHARE, weights, 0.0).astype(np.float32))


def _shares(
    n_patches: int, start: float, stop: float, *, n_cells: int, low: float, high: float
) -> Float64[np.ndarray, "c p"]:
    """In one direction: the share of each cell's length that each patch covers."""
    patches, cells = np.linspace(start, stop, n_patches + 1), np.linspace(low, high, n_cells + 1)
    ends = np.minimum(patches[None, 1:], cells[1:, None])
    lengths = ends - np.maximum(patches[None, :-1], cells[:-1, None])
    return np.asarray(np.clip(lengths, 0.0, None) / np.diff(cells)[:, None])


@dataclass
class Pooler:
    """Brings one side's codes to the shared grid; ``window`` and ``other`` say what this and the other model see."""

    own: Grid
    window: Window
    other: Window
    shared: Grid
    _weights: dict[tuple[int, int], csr_array | None] = field(default_factory=dict)

    def pool(self, codes: csr_array, sizes: list[tuple[int, int]]) -> csr_array:
        """Codes ``[n*p K]`` of ``n`` photos of these widths and heights, as ``[n*s K]``."""
        weights = [self.weights(*size) for size in sizes]
        if all(one is None for one in weights):
            return codes
        if all(one is weights[0] for one in weights):
            return csr_array(csr_array(kron(eye_array(len(sizes), dtype=np.float32), weights[0], format="csr")) @ codes)
        same = eye_array(self.own.n_patches, dtype=np.float32, format="csr")
        return csr_array(csr_array(block_diag([same if w is None else w for w in weights], format="csr")) @ codes)

    def weights(self, width: int, height: int) -> csr_array | None:
        """For a photo of that size; None where patches are cells already."""
        if (width, height) not in self._weights:
            seen = self.window.seen(width, height)
            box = both_see(seen, self.other.seen(width, height))
            found = pooling(self.own, seen, shared=self.shared, box=box)
            is_same = self.own == self.shared and abs(found - eye_array(self.own.n_patches)).max() < _LEAST_SHARE
            self._weights[width, height] = self._known(None if is_same else found)
        return self._weights[width, height]

    def _known(self, found: csr_array | None) -> csr_array | None:
        """The same object for equal weights, so that photos of many sizes are pooled at once."""
        for one in self._weights.values():
            if one is not None and found is not None and abs(one - found).max() < _LEAST_SHARE:
                return one
        return found
