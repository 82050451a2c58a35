"""Which images train dictionaries and which only judge them, stable while a collection grows."""

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from store.errors import InvalidInput
from store.vocabulary import Split


def split_images(sha256s: Sequence[str], group: Int[np.ndarray, " n"], *, held_out: float, seed: int) -> list[Split]:
    """One split per image: held out where the lowest ``u`` of its group is below ``held_out``.

    ``u`` in [0, 1) is the start of SHA-256(seed, image's SHA-256), so that an image keeps its split whatever joins the
    collection, and near duplicates (one group) never stand on both sides. If all groups fall on one side although
    ``held_out`` > 0, the group nearest to the limit changes sides. Raises ``InvalidInput`` where only one group exists.
    """
    lowest = np.ones(len(sha256s))
    np.minimum.at(lowest, group, [_fraction(seed, sha256) for sha256 in sha256s])
    if held_out <= 0:
        return [Split.TRAIN] * len(sha256s)
    groups = np.unique(group)
    if len(groups) < 2:
        raise InvalidInput(
            f"{len(sha256s)} photo(s), all alike, cannot be divided into photos that train and photos that judge: "
            "add other photos, or set the held-out share to 0."
        )
    ranked = groups[np.argsort(lowest[groups], kind="stable")]
    n_held_out = int(np.clip((lowest[groups] < held_out).sum(), 1, len(groups) - 1))
    judging = set(ranked[:n_held_out].tolist())
    return [Split.HELD_OUT if g in judging else Split.TRAIN for g in group.tolist()]


def _fraction(seed: int, sha256: str) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed}:{sha256}".encode()).digest()[:6], "big") / 2**48
