"""A store with several dictionaries of one layer, of which different things were measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.render import Pages
from store.catalog.dictionaries import get_dictionary
from store.catalog.session import Catalog
from store.settings import Settings
from tests.factories import Shown, make_store

MEASURED: dict[str, dict[str, float]] = {
    "a-topk": {"r2": 0.5, "r2_data_atoms": 0.2, "l0": 8.0, "dead_share_all": 0.02, "stable_rank": 20.0},
    "b-topk": {
        "r2": 0.7,
        "r2_data_atoms": 0.3,
        "r2_random_atoms": 0.1,
        "l0": 8.0,
        "dead_share_all": 0.0,
        "stable_rank": 30.0,
        "plausibility": 0.4,
        "n_tokens_held_out": 512.0,
    },
    "c-archetypal": {"r2": 0.7, "r2_data_atoms": 0.3, "l0": 16.0, "dead_share_all": 0.0, "plausibility": 0.6},
    "d-archetypal": {"r2": 0.9, "l0": 24.0, "dead_share_all": 0.1, "probe_map": 0.3},
    "e-topk": {},
}
"""Of the dictionaries of one layer, by slug."""

UNMEASURED, ALONE = "e-topk", "z-alone"


def peers_store(root: Path, *slugs: str) -> Settings:
    """Five dictionaries of one layer, and one of another model; or only those that are named."""
    shown = [
        Shown(slug, "tinynet", slug.partition("-")[2], 20 + number, 4, 4, metrics)
        for number, (slug, metrics) in enumerate(MEASURED.items())
    ]
    shown.append(Shown(ALONE, "lonenet", "topk", 20, 4, 4, {"r2": 0.4, "l0": 8.0}))
    return make_store(root, n_images=8, shown=tuple(one for one in shown if one.slug in slugs or not slugs))


def view_of(client: TestClient, url: str) -> Any:
    """What the page's template is given."""
    views: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pages, "text", lambda _self, _template, **variables: views.append(variables["view"]) or "")
        client.get(url)
    return views[0]


def save_metrics(catalog: Catalog, values: Mapping[str, Mapping[str, float]]) -> None:
    """Record other numbers in the catalog than the atlases have."""
    with catalog.session() as session:
        for slug, metrics in values.items():
            get_dictionary(session, slug).metrics = dict(metrics)
