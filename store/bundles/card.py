"""The card of a bundle: what it is, where it comes from, how good it is beside its nulls, and what it cannot do."""

from collections.abc import Iterator, Mapping
from typing import Any

from store.artifacts import Manifest
from store.bundles.facts import CollectionFacts, LearnedFacts, ModelFacts
from store.metrics import GROUPS, METRICS

_LIMITS = """\
* A concept is a direction and its evidence. Labels are seeds from class names, not explanations; look at the random
  examples and near misses, too.
* Numbers hold for this model, this layer and this collection. Other photos, sizes or crops give others.
* Examples and thumbnails are of photos of the collection. Who is rare in it is rare here.
* A null stands beside a number where one was measured: a number near its null says nothing."""
_PHOTOS = """\
The atlas holds thumbnails and crops of photos of the collection. Their rights are those of the photos: see the
collection's own licence before you pass them on. The code of Conceptoscope is under the MIT licence; the model's
weights have a licence of their own and are not in here."""


def make_card(
    model: ModelFacts, collection: CollectionFacts, dictionary: LearnedFacts, *, learned: Manifest, atlas: Manifest
) -> str:
    """The card as Markdown."""
    facts = {
        "Dictionary": f"`{dictionary.slug}`, {dictionary.method}, {dictionary.n_concepts:,} concepts",
        "Model": f"{model.title} ({_told(model.facts)})" if model.facts else model.title,
        "Layer": dictionary.layer,
        "Collection": f"{collection.title} (`{collection.slug}`), {collection.n_images:,} images",
        "Collection digest": f"`{collection.digest}`",
        "Dictionary digest": f"`{learned.digest}`",
        "Atlas digest": f"`{atlas.digest}`",
        "Built": f"{atlas.created_at:%Y-%m-%d %H:%M} UTC by Conceptoscope {atlas.code_version}",
        "Learned": f"{learned.created_at:%Y-%m-%d %H:%M} UTC by Conceptoscope {learned.code_version}",
    }
    year = f"{atlas.created_at:%Y}"
    cite = (
        f"{dictionary.title}: {dictionary.n_concepts:,} concepts of {model.title}, {dictionary.layer}, on "
        f"{collection.title} (Conceptoscope {atlas.code_version}, {year}). Atlas sha256:{atlas.digest}."
    )
    parts = [
        f"# {dictionary.title}",
        "A dictionary of concepts of a vision model with its evidence. Open it with `conceptoscope import` and "
        "`conceptoscope web`; the atlas is a DuckDB file that can be read by itself.",
        "\n".join(f"* {name}: {value}" for name, value in facts.items()),
        "## Numbers",
        "\n".join(_numbers(dictionary.metrics)) or "None were measured.",
        "## How it was made",
        "\n".join(f"* `{name}`: {value}" for name, value in sorted(dictionary.spec.items()) if value is not None),
        "## Limits",
        _LIMITS,
        "## How to cite",
        cite,
        "## Photos and licences",
        _PHOTOS,
    ]
    return "\n\n".join(parts) + "\n"


def _numbers(values: Mapping[str, Any]) -> Iterator[str]:
    """A table of every number that has a definition, each beside its null."""
    nulls = {metric.null for metric in METRICS.values() if metric.null in values and metric.key in values}
    rows = [m for group in GROUPS.values() for m in group if m.key in values and m.key not in nulls]
    if rows:
        yield "| number | value | null | meaning |"
        yield "|---|---|---|---|"
    for metric in rows:
        null = _value(values.get(metric.null or ""))
        yield f"| {metric.label} | {_value(values[metric.key])} | {null} | {metric.definition} |"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else ""


def _told(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if isinstance(value, (str, int, float)))
