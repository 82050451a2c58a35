"""Non-negative sparse codes: at most ``n_active`` concepts per token, chosen greedily, their codes by least squares."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from worker.dictionaries.sparse import weighted_rows

_BLOCK_NUMBERS = 2**22


def nonnegative_codes(u, atoms, *, table, n_active, n_sweeps, block=None, mid=None):
    n_tokens = block or max(_BLOCK_NUMBERS // max(len(atoms), n_active * n_active), 1)
    found = [_block_codes(part @ atoms.t(), table, n_active=n_active, n_sweeps=n_sweeps, mid=mid) for part in torch.split(u, n_tokens)]
    return torch.cat([i for i, _ in found]), torch.cat([v for _, v in found])


def _block_codes(products, table, *, n_active, n_sweeps, mid):
    b = len(products)
    indices = torch.zeros(n_active, b, dtype=torch.int64, device=products.device)
    values = products.new_zeros(n_active, b)
    slopes = torch.zeros_like(values)
    grams = products.new_zeros(n_active, n_active, b)
    left = products
    for t in range(n_active):
        slopes[t], indices[t] = left.max(dim=1)
        known = indices[: t + 1]
        grams[t, : t + 1] = grams[: t + 1, t] = table[known[t], known]
        descend(values[: t + 1], slopes[: t + 1], grams[: t + 1, : t + 1], n_sweeps=mid if t + 1 < n_active else n_sweeps)
        if t + 1 < n_active:
            slots = known.t().contiguous()
            left = products - weighted_rows(slots, values[: t + 1].t().contiguous(), table=table)
            left.scatter_(1, slots, -torch.inf)
    return indices.t().contiguous(), values.t().contiguous()


def descend(values, slopes, grams, *, n_sweeps):
    a = len(values)
    for _ in range(n_sweeps):
        for j in reversed(range(a)):
            step = torch.maximum(slopes[j] / grams[j, j], -values[j])
            values[j] += step
            slopes.addcmul_(grams[j], step, value=-1)
