"""Tables of an atlas as sheets: concepts and images by the names of the API, and every table as it stands."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final

from store.atlas.reader import Atlas
from store.atlas.schema import CONCEPT, FILE, SCHEMA
from store.duck import Table
from store.errors import NotFound
from store.sheets import Sheet

_LABEL_PARTS: Final = (("at", "INTEGER"), ("text", "VARCHAR"), ("source", "VARCHAR"))
_NAMES: Final = {"concept": "id", "label_seed": "label"}
_FIRST: Final = ("density", "importance", "max", "top_class")
TABLES: Final = tuple(table.name for table in SCHEMA.tables)
"""What can be taken as it stands."""


def chosen_by(key: str) -> str:
    """What follows a table of which the rows with these keys are wanted, in the order of the parameter ``chosen``."""
    numbers = "$chosen::INTEGER[]"
    return (
        f"JOIN (SELECT unnest({numbers}) AS {key}, generate_subscripts({numbers}, 1) AS place) chosen USING ({key}) "
        "ORDER BY chosen.place"
    )


Labels = Mapping[int, tuple[str, str]]
"""What people call concepts, and where each label comes from."""


def labelled(alias: str) -> str:
    """What gives a table of concepts the labels in the parameters that ``label_parameters`` makes."""
    columns = (f"unnest($label_{part}_{alias}::{kind}[]) AS {part}" for part, kind in _LABEL_PARTS)
    return f"LEFT JOIN (SELECT {', '.join(columns)}) said_{alias} ON said_{alias}.at = {alias}.concept"


def label_parameters(alias: str, labels: Labels) -> dict[str, list[Any]]:
    """The parameters of ``labelled``."""
    rows = [(at, text, source) for at, (text, source) in labels.items()]
    return {f"label_{part}_{alias}": [row[i] for row in rows] for i, (part, _) in enumerate(_LABEL_PARTS)}


def concept_columns(alias: str, *, lacking: Container[str] = ()) -> dict[str, str]:
    """Every column of ``concept`` by its name in the API, with the label that pages show (``labelled``).

    Those that are ``lacking`` in an older file are NULL.
    """
    seed, said = f"nullif({alias}.label_seed, '')", f"said_{alias}"
    columns = {
        "id": f"{alias}.concept",
        "name": f"coalesce({said}.text, {seed}, '#' || {alias}.concept)",
        "label": f"coalesce({said}.text, {seed})",
        "label_source": f"coalesce({said}.source, CASE WHEN {seed} IS NOT NULL THEN 'seed' END)",
    }
    rest = dict.fromkeys((*_FIRST, *(column.name for column in CONCEPT.columns if column.name not in _NAMES)))
    return columns | {name: _column(CONCEPT, name, alias=alias, lacking=lacking) for name in rest}


def _column(table: Table, name: str, *, alias: str, lacking: Container[str]) -> str:
    kind = next(column.type for column in table.columns if column.name == name)
    return f"NULL::{kind}" if name in lacking else f'{alias}."{name}"'


def concept_sheet(atlas: Atlas, chosen: Sequence[int], *, labels: Labels) -> Sheet:
    """These concepts, in this order, under the labels that people gave them."""
    return Sheet(
        columns=concept_columns("c", lacking=atlas.lacking(CONCEPT)),
        source=f"FROM atlas.concept c {labelled('c')} {chosen_by('concept')}",
        files={"atlas": atlas.artifact.file(FILE)},
        parameters={"chosen": list(chosen)} | label_parameters("c", labels),
        lists=frozenset({"badges"}),
    )


def image_sheet(atlas: Atlas, chosen: Sequence[int]) -> Sheet:
    """These images, by their index in the collection, in this order."""
    names = ("id", "class", "split", "source", "width", "height", "thumbnail_width", "thumbnail_height")
    return Sheet(
        columns={name: f'i."{name}"' for name in names},
        source=f"FROM atlas.image i {chosen_by('image')}",
        files={"atlas": atlas.artifact.file(FILE)},
        parameters={"chosen": list(chosen)},
    )


def table_sheet(atlas: Atlas, name: str) -> Sheet:
    """A whole table as ``docs/atlas.md`` describes it, empty where the file is older; raises ``NotFound``."""
    if name not in TABLES:
        raise NotFound("table", name, known=TABLES)
    table = SCHEMA.table(name)
    lacking = atlas.lacking(table)
    is_held = len(lacking) < len(table.columns)
    return Sheet(
        columns={one.name: _column(table, one.name, alias="t", lacking=lacking) for one in table.columns},
        source=f'FROM atlas."{table.name}" t' if is_held else "WHERE false",
        files={"atlas": atlas.artifact.file(FILE)},
        lists=frozenset(column.name for column in table.columns if column.type.endswith("[]")),
        blobs=any(column.type == "BLOB" for column in table.columns),
        pictures=any(column.unit in ("WebP", "grey PNG") for column in table.columns),
    )
