"""One-to-one matching with the largest total similarity: exact where it can be, with its gap reported beyond."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from store.errors import InvalidInput
from worker.metrics.auction import auction
from worker.metrics.similarities import Similarities, Table

EXACT_LIMIT = 8192


@dataclass(frozen=True)
class Matching:
    """Pairs (row, column), ordered by row, each row and column at most once; all of the shorter side are matched."""

    rows: Int64[np.ndarray, " m"]
    columns: Int64[np.ndarray, " m"]
    similarities: Float64[np.ndarray, " m"]
    bound: float
    """No matching has a larger total."""

    @property
    def total(self) -> float:
        """Sum of the similarities of the pairs."""
        return float(self.similarities.sum())

    @property
    def gap(self) -> float:
        """How much larger the best total could be, >= 0; 0 where the matching is exact."""
        return max(self.bound - self.total, 0.0)


def match(
    similarity: Similarities | Float[Tensor, "K J"], *, exact_limit: int = EXACT_LIMIT, epsilon: float = 1e-4
) -> Matching:
    """Match rows and columns so that the total similarity is the largest, or within ``epsilon`` per pair of it.

    Up to ``exact_limit`` rows and columns: the Hungarian method (as scipy has it: Jonker and Volgenant), the table
    whole in float64. Beyond: mutual nearest pairs first, then an auction (``worker/metrics/auction.py``), some rows of
    the table at a time. Raises ``InvalidInput`` when a similarity is no finite number, or there is none.
    """
    table = Table(similarity) if isinstance(similarity, Tensor) else similarity
    n_rows, n_columns = table.shape
    if not n_rows or not n_columns:
        raise InvalidInput(f"Nothing can be matched in a table of {n_rows} by {n_columns} similarities.")
    if max(n_rows, n_columns) <= exact_limit:
        return _hungarian(table)
    turned = n_rows > n_columns
    found = auction(table.turned() if turned else table, epsilon=epsilon)
    persons = np.arange(len(found.objects))
    if not turned:
        return Matching(persons, found.objects, found.similarities, found.bound)
    order = np.argsort(found.objects)
    return Matching(found.objects[order], persons[order], found.similarities[order], found.bound)


def _hungarian(table: Similarities) -> Matching:
    from scipy.optimize import linear_sum_assignment

    whole = np.concatenate([block.double().cpu().numpy() for _, block in table.blocks()])
    if not np.isfinite(whole).all():
        raise InvalidInput(f"{int((~np.isfinite(whole)).sum())} similarities are NaN or infinite; nothing was matched.")
    rows, columns = linear_sum_assignment(whole, maximize=True)
    similarities = whole[rows, columns]
    return Matching(rows.astype(np.int64), columns.astype(np.int64), similarities, float(similarities.sum()))
