"""What every number about a dictionary means: one definition, shown wherever the number is shown."""

from store.errors import NotFound
from store.metrics.atoms import GEOMETRY
from store.metrics.definition import Better, Metric
from store.metrics.images import LABELS, PREDICTIONS
from store.metrics.pairs import STABILITY
from store.metrics.streams import STREAMS
from store.metrics.tokens import CODES, RECONSTRUCTION, SPARSITY
from store.metrics.training import TRAINING

__all__ = ["GROUPS", "METRICS", "Better", "Metric", "get_metric"]

GROUPS: dict[str, tuple[Metric, ...]] = {
    "reconstruction": RECONSTRUCTION,
    "sparsity": SPARSITY,
    "geometry": GEOMETRY,
    "codes": CODES,
    "labels": LABELS + PREDICTIONS,
    "stability": STABILITY,
    "streams": STREAMS,
    "training": TRAINING,
}
"""All metrics by what they are about, in the order in which they are shown."""

METRICS: dict[str, Metric] = {metric.key: metric for group in GROUPS.values() for metric in group}


def get_metric(key: str) -> Metric:
    """The definition of a metric; raises ``NotFound``."""
    if key not in METRICS:
        raise NotFound("metric", key, known=METRICS)
    return METRICS[key]
