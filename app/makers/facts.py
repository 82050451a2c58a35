"""Facts about a dictionary as text: settings, provenance, what is known of its model."""

from collections.abc import Iterable
from typing import Any

from app.site import Opened
from app.views.base import Fact
from app.words import window_words


def provenance(opened: Opened) -> tuple[Fact, ...]:
    """Where the shown build comes from."""
    entry, atlas = opened.entry, opened.atlas
    manifest, stream = atlas.artifact.manifest, atlas.streams[0]
    facts = (
        ("Model", entry.model_title),
        ("Layer", stream.layer),
        ("Activation width", f"{stream.width:,}"),
        ("Grid", f"{stream.grid.rows} × {stream.grid.cols} patches"),
        ("Input", window_words(stream)),
        ("Collection", f"{entry.collection_title}, {entry.n_images:,} images"),
        ("Collection digest", entry.collection_digest),
        ("Dictionary digest", entry.digest),
        ("Atlas digest", atlas.digest),
        ("Code version", manifest.code_version),
        ("Built", manifest.created_at.isoformat(timespec="seconds")),
    )
    return tuple(Fact(label=label, value=value) for label, value in facts)


def spec_facts(opened: Opened) -> tuple[Fact, ...]:
    """Training settings as they stand in the atlas."""
    spec = opened.atlas.meta.get("spec") or {}
    return facts_of(spec.items()) if isinstance(spec, dict) else ()


def facts_of(pairs: Iterable[tuple[str, Any]]) -> tuple[Fact, ...]:
    """Simple values as labelled text; nested and absent ones are left out."""
    return tuple(
        Fact(label=name.replace("_", " "), value=_text(value))
        for name, value in pairs
        if isinstance(value, (str, int, float)) and value != ""
    )


def _text(value: str | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else value
