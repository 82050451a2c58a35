"""The metrics of the store's dictionaries as plain rows."""

from typing import Any

from store.catalog.comparisons import metrics_of, metrics_of_all
from store.catalog.dictionaries import get_dictionary, list_dictionaries
from store.catalog.session import Catalog
from store.errors import NotFound
from store.metrics import METRICS, get_metric
from store.settings import Settings

COLUMNS = ("r2", "r2_data_atoms", "l0", "dead_share_all", "dense_share", "stability", "plausibility", "probe_map")


def all_scores(settings: Settings, *, layer: str | None = None) -> list[dict[str, Any]]:
    """One row per dictionary with its most telling metrics; those that were not measured are None."""
    with _opened(settings).session() as session:
        listed = list_dictionaries(session, with_atlas=False)
        rows = [
            {
                "dictionary": row.slug,
                "model": row.model.slug,
                "layer": row.layer,
                "method": row.method,
                "n_concepts": row.n_concepts,
                **{key: metrics.get(key) for key in COLUMNS},
            }
            for row, metrics in zip(listed, metrics_of_all(session, listed), strict=True)
        ]
    found = [row for row in rows if layer in (None, row["layer"])]
    if layer is not None and not found:
        raise NotFound("layer", layer, known={str(row["layer"]) for row in rows})
    return found


def scores_of(settings: Settings, slug: str) -> list[dict[str, Any]]:
    """One row per metric of a dictionary, with its null, its direction and its definition."""
    with _opened(settings).session() as session:
        values = metrics_of(session, get_dictionary(session, slug))
    nulls = {metric.null for metric in METRICS.values()}
    rows = []
    for key in (key for key in METRICS if key in values and key not in nulls):
        metric = get_metric(key)
        row = {"metric": key, "value": values[key], "null": values.get(metric.null) if metric.null else None}
        rows.append({**row, "better": metric.better, "unit": metric.unit, "definition": metric.definition})
    return rows


def _opened(settings: Settings) -> Catalog:
    if not settings.store.is_dir():
        raise NotFound("store", str(settings.store), remedy="Give another --store.")
    return Catalog(settings.catalog_url)
