"""Concepts in the order of their importance."""

import numpy as np

from app.site import Opened


def ranked_alive(opened: Opened) -> list[int]:
    """Concepts that fire at all, most important first."""
    importance = np.nan_to_num(opened.atlas.columns["importance"].astype(np.float64), nan=-np.inf)
    order = np.argsort(-importance, kind="stable")
    return [int(k) for k in order[opened.atlas.columns["density"][order] > 0]]
