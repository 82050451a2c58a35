"""Tables of an alignment as sheets: its pairs and its splits, by the names of the API, seen from either side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from store.alignment.reader import Alignment
from store.alignment.schema import FILE
from store.alignment.sides import Side
from store.atlas.sheets import Labels, chosen_by, concept_columns, label_parameters, labelled
from store.sheets import Sheet

_CHIP: Final = ("id", "name", "label", "label_source", "density", "importance", "max", "top_class")


def pair_sheet(
    alignment: Alignment,
    ranks: Sequence[int],
    *,
    first: Side,
    atlases: Mapping[Side, Path],
    labels: Mapping[Side, Labels],
) -> Sheet:
    """These pairs, in this order; ``first`` is the side that is called a. ``atlases`` tell of the concepts."""
    a, b = first, first.other
    chips = {
        f"{name}_{key}": made
        for name, side in (("a", a), ("b", b))
        for key, made in concept_columns(f"concept_{side}").items()
        if key in _CHIP
    }
    measured = ("correlation", "held_out", "percentile", "jaccard", "cosine", "overlap")
    return Sheet(
        columns={
            "rank": "p.rank",
            **chips,
            **{name: f"p.{name}" for name in measured},
            "mutual": "p.is_mutual",
            "cofire_a": f"p.{a}_share",
            "cofire_b": f"p.{b}_share",
        },
        source=(
            "FROM alignment.pair p "
            f"JOIN atlas_a.concept concept_a ON concept_a.concept = p.a {labelled('concept_a')} "
            f"JOIN atlas_b.concept concept_b ON concept_b.concept = p.b {labelled('concept_b')} "
            f"{chosen_by('rank')}"
        ),
        files={
            "alignment": alignment.artifact.file(FILE),
            "atlas_a": atlases[Side.A],
            "atlas_b": atlases[Side.B],
        },
        parameters={"chosen": list(ranks)}
        | label_parameters("concept_a", labels[Side.A])
        | label_parameters("concept_b", labels[Side.B]),
    )


def fan_sheet(alignment: Alignment, *, first: Side) -> Sheet:
    """The parts of all concepts that are split, whole by whole, those of the side called a before those of b."""
    return Sheet(
        columns={
            "side": "CASE WHEN f.side = $first THEN 'a' ELSE 'b' END",
            "concept": "f.concept",
            "other": "f.other",
            "share": "f.share",
            "inside": "f.inside",
            "correlation": "f.correlation",
            "coverage": "f.covered",
        },
        source="FROM alignment.fan f ORDER BY f.side <> $first, f.concept, f.share DESC, f.other",
        files={"alignment": alignment.artifact.file(FILE)},
        parameters={"first": first.value},
    )
