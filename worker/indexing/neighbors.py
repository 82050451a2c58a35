"""Four ways in which concepts can be near; never the distance on the map."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Int64
from scipy.sparse import csr_matrix

from store.vocabulary import Neighbors
from worker.indexing.scan import Scan

_BLOCK = 1024
Lists = tuple[Int64[np.ndarray, "K n"], Float32[np.ndarray, "K n"]]


def neighbor_lists(scan: Scan, atoms: Float32[np.ndarray, "K d"], *, n: int) -> dict[Neighbors, Lists]:
    """For every kind the ``n`` nearest concepts and their values; -1 fills lists that are shorter."""
    n = min(n, scan.n_concepts - 1)
    unit = atoms / np.maximum(np.linalg.norm(atoms, axis=1, keepdims=True), 1e-12)
    codes, examples = code_matrix(scan), _example_matrix(scan)
    return {
        Neighbors.DECODER: _collect(_dense_blocks(unit), n),
        Neighbors.ANTIPODAL: _negated(_collect(_dense_blocks(unit, sign=-1.0), n)),
        Neighbors.COACTIVATION: _collect(_sparse_blocks(codes), n),
        Neighbors.EXAMPLES: _collect(_jaccard_blocks(examples), n),
    }


def code_matrix(scan: Scan) -> csr_matrix:
    """Codes of the pool's tokens, one row per concept, scaled to norm 1: products of rows are cosines."""
    token, concept, value = scan.pool.entries()
    n_tokens = len(scan.pool.images) * scan.n_patches
    codes = csr_matrix((value.astype(np.float64), (concept, token)), shape=(scan.n_concepts, n_tokens))
    norms = np.sqrt(np.asarray(codes.multiply(codes).sum(axis=1)).ravel())
    scale = csr_matrix((1 / np.maximum(norms, 1e-12), (np.arange(len(norms)),) * 2), shape=(len(norms), len(norms)))
    return (scale @ codes).tocsr()


def _example_matrix(scan: Scan) -> csr_matrix:
    """1 where an image is among a concept's top examples, one row per concept."""
    concept, slot = np.nonzero(scan.top.image >= 0)
    image = scan.top.image[concept, slot]
    n_images = int(image.max(initial=0)) + 1
    return csr_matrix((np.ones(len(image)), (concept, image)), shape=(scan.n_concepts, n_images))


def _dense_blocks(unit: Float32[np.ndarray, "K d"], *, sign: float = 1.0) -> Iterator[Float32[np.ndarray, "b K"]]:
    for start in range(0, len(unit), _BLOCK):
        yield np.asarray(sign * (unit[start : start + _BLOCK] @ unit.T), dtype=np.float32)


def _sparse_blocks(rows: csr_matrix) -> Iterator[Float32[np.ndarray, "b K"]]:
    for start in range(0, rows.shape[0], _BLOCK):
        yield (rows[start : start + _BLOCK] @ rows.T).toarray().astype(np.float32)


def _jaccard_blocks(rows: csr_matrix) -> Iterator[Float32[np.ndarray, "b K"]]:
    sizes = np.asarray(rows.sum(axis=1)).ravel()
    for start, shared in zip(range(0, rows.shape[0], _BLOCK), _sparse_blocks(rows), strict=True):
        union = sizes[start : start + _BLOCK, None] + sizes[None, :] - shared
        yield np.asarray(shared / np.maximum(union, 1), dtype=np.float32)


def _collect(blocks: Iterator[Float32[np.ndarray, "b K"]], n: int) -> Lists:
    others, values, start = [], [], 0
    for block in blocks:
        block[np.arange(len(block)), start + np.arange(len(block))] = -np.inf  # a concept is not its own neighbour
        order = np.argsort(-block, axis=1, kind="stable")[:, :n]
        found = np.take_along_axis(block, order, axis=1)
        others.append(np.where(found > 0, order, -1))
        values.append(np.where(found > 0, found, 0))
        start += len(block)
    return np.concatenate(others).astype(np.int64), np.concatenate(values)


def _negated(lists: Lists) -> Lists:
    return lists[0], -lists[1]
