"""Sums over tokens from which every similarity of two dictionaries' codes follows; memory O(K J), whatever the data."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64
from scipy.sparse import csr_array, vstack

_BLOCK_CONCEPTS = 512
_BLOCK_TOKENS = 4096
_THREADS = 2
_DENSE_GAIN = 30  # products of dense codes in the time of one of sparse codes
Table = np.ndarray[tuple[int, int], np.dtype[Any]]


@dataclass
class Sums:
    """Of one side over some images' tokens: how often each concept fires, and the sums of codes and their squares."""

    firing: Int64[np.ndarray, " K"]
    total: Float64[np.ndarray, " K"]
    square: Float64[np.ndarray, " K"]

    @classmethod
    def empty(cls, n_concepts: int) -> "Sums":
        """Of nothing."""
        return cls(np.zeros(n_concepts, dtype=np.int64), np.zeros(n_concepts), np.zeros(n_concepts))

    def add(self, codes: csr_array) -> None:
        """Take in codes ``[n K]`` in which zeros are not stored."""
        n = len(self.total)
        self.firing += np.bincount(codes.indices, minlength=n)
        self.total += np.bincount(codes.indices, codes.data, minlength=n)
        self.square += np.bincount(codes.indices, np.square(codes.data, dtype=np.float64), minlength=n)


@dataclass
class Share:
    """Of both sides over the tokens of one split: ``products = Z_a^T Z_b [K J]``."""

    a: Sums
    b: Sums
    products: Float32[np.ndarray, "K J"]
    n_tokens: int = 0

    @classmethod
    def empty(cls, n_a: int, n_b: int) -> "Share":
        """Of nothing."""
        return cls(Sums.empty(n_a), Sums.empty(n_b), np.zeros((n_a, n_b), dtype=np.float32))

    def add(self, a: csr_array, b: csr_array) -> None:
        """Take in both sides' codes on the same tokens."""
        self.n_tokens += a.shape[0]
        self.a.add(a)
        self.b.add(b)
        add_products(self.products, a, b)


@dataclass
class Part:
    """Codes of some whole images on the shared grid, kept until they are many."""

    a: list[csr_array] = field(default_factory=list)
    b: list[csr_array] = field(default_factory=list)
    held_out: list[Bool[np.ndarray, " n"]] = field(default_factory=list)

    @property
    def n_codes(self) -> int:
        """Codes of the side that has more."""
        return max(sum(int(one.nnz) for one in side) for side in (self.a, self.b))


class Tally:
    """Takes in both sides' codes image by image, on the shared grid.

    ``learned`` and ``held_out`` are the two splits; ``both [K J]`` counts the tokens of all images where both concepts
    fire, ``n_images_a [K]`` and ``n_images_b [J]`` the images in which each does; ``null`` are the products over the
    images learned from when those of side b are permuted, part by part: a part is what ``codes_at_once`` codes of the
    side that has more stand for. The time is that of the products: about 4 n a b for a and b codes per token.
    """

    def __init__(self, n_a: int, n_b: int, *, n_patches: int, codes_at_once: int, seed: int) -> None:
        self.learned, self.held_out = Share.empty(n_a, n_b), Share.empty(n_a, n_b)
        self.both: Int32[np.ndarray, "K J"] = np.zeros((n_a, n_b), dtype=np.int32)
        self.null: Float32[np.ndarray, "K J"] = np.zeros((n_a, n_b), dtype=np.float32)
        self.n_patches, self._codes_at_once, self._seed = n_patches, codes_at_once, seed
        self.n_images_a: Int64[np.ndarray, " K"] = np.zeros(n_a, dtype=np.int64)
        self.n_images_b: Int64[np.ndarray, " J"] = np.zeros(n_b, dtype=np.int64)
        self.n_parts = 0
        self._part = Part()

    def add(self, a: csr_array, b: csr_array, *, held_out: Bool[np.ndarray, " n"]) -> None:
        """Take in codes ``[n*s K]`` and ``[n*s J]`` of ``n`` images."""
        self._part.a.append(a)
        self._part.b.append(b)
        self._part.held_out.append(held_out)
        if self._part.n_codes >= self._codes_at_once:
            self.finish()

    def finish(self) -> None:
        """Take in what is still kept."""
        if not self._part.a:
            return
        part, self._part = self._part, Part()
        judging = np.repeat(np.concatenate(part.held_out), self.n_patches)
        a, b = csr_array(vstack(part.a, format="csr")), csr_array(vstack(part.b, format="csr"))
        part.a.clear()
        part.b.clear()
        add_products(self.both, _firing(a), _firing(b))
        self.n_images_a += _images_firing(a, self.n_patches)
        self.n_images_b += _images_firing(b, self.n_patches)
        self.held_out.add(a[judging], b[judging])
        a, b = a[~judging], b[~judging]
        self.learned.add(a, b)
        order = permuted_images(a.shape[0] // self.n_patches, seed=self._seed, part=self.n_parts)
        rows = (order[:, None] * self.n_patches + np.arange(self.n_patches)).ravel()
        add_products(self.null, a, b[rows])
        self.n_parts += 1


def permuted_images(n: int, *, seed: int, part: int) -> Int64[np.ndarray, " n"]:
    """For each of n images another one, never itself where there are two: the next one on a random ring of all."""
    ring = np.random.default_rng([seed, part]).permutation(n)
    other = np.empty(n, dtype=np.int64)
    other[ring] = np.roll(ring, -1)
    return other


def add_products(table: Table, a: csr_array, b: csr_array) -> None:
    """``table [K J] += a^T b`` for codes ``[n K]`` and ``[n J]``; the quicker of the sparse and the dense way."""
    met = a.nnz / max(a.shape[0], 1) * b.nnz  # about as many products if codes are spread evenly
    if met * _DENSE_GAIN > float(a.shape[0]) * a.shape[1] * b.shape[1]:
        _add_dense(table, a, b)
    else:
        _add_sparse(table, a, b)


def _add_sparse(table: Table, a: csr_array, b: csr_array) -> None:
    """Some concepts at a time, on two threads."""
    by_concept = a.T.tocsr()

    def add(start: int) -> None:
        stop = start + _BLOCK_CONCEPTS
        table[start:stop] += (by_concept[start:stop] @ b).toarray()

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(add, range(0, a.shape[1], _BLOCK_CONCEPTS)))


def _add_dense(table: Table, a: csr_array, b: csr_array) -> None:
    """Some tokens at a time; counts of so few are exact in float32."""
    for start in range(0, a.shape[0], _BLOCK_TOKENS):
        one, other = (side[start : start + _BLOCK_TOKENS].toarray().astype(np.float32) for side in (a, b))
        table += (one.T @ other).astype(table.dtype)


def _firing(codes: csr_array) -> csr_array:
    return csr_array((np.ones(codes.nnz, dtype=np.int32), codes.indices, codes.indptr), shape=codes.shape)


def _images_firing(codes: csr_array, n_patches: int) -> Int64[np.ndarray, " K"]:
    """In how many images each concept fires: the rows of an image are read as one row, in which entries repeat."""
    shape = (codes.shape[0] // n_patches, codes.shape[1])
    parts = np.ones(codes.nnz, dtype=np.int8), codes.indices.copy(), codes.indptr[::n_patches].copy()
    by_image = csr_array(parts, shape=shape)
    by_image.sum_duplicates()
    return np.bincount(by_image.indices, minlength=codes.shape[1])


def sparse(indices: Int64[np.ndarray, "n p a"], values: Float32[np.ndarray, "n p a"], *, n_concepts: int) -> csr_array:
    """Slots as a sparse matrix ``[n*p K]``, zeros not stored."""
    n_tokens = indices.shape[0] * indices.shape[1]
    used = (values > 0).reshape(n_tokens, -1)
    ends = np.concatenate([[0], np.cumsum(used.sum(axis=1))])
    kept = used.ravel()
    parts = values.reshape(-1)[kept], indices.reshape(-1)[kept].astype(np.int32), ends.astype(np.int32)
    return csr_array(parts, shape=(n_tokens, n_concepts))
