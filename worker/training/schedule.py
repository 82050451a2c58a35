"""The learning rate over a run."""

import math

_LAST = 0.01  # share of the peak at which the cosine ends


def learning_rate_factor(done: float, *, warmup: float) -> float:
    """Factor on the peak learning rate after a share ``done`` of all tokens: linear rise, then cosine to 0.01."""
    if done < warmup:
        return done / warmup
    falling = (done - warmup) / max(1.0 - warmup, 1e-12)
    return _LAST + (1.0 - _LAST) * 0.5 * (1.0 + math.cos(math.pi * min(falling, 1.0)))
