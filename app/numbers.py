"""Which stored numbers can be shown."""

import math
from collections.abc import Mapping
from typing import Any

from store.metrics import METRICS


def known_numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those that have a definition and a finite value; a newer program may have stored others."""
    return {key: float(value) for key, value in values.items() if key in METRICS and _is_finite(value)}


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
