"""The file that annotations travel in: JSON lines, the first of which says what it is."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from pydantic import TypeAdapter, ValidationError

from store.catalog.dictionaries import list_dictionaries
from store.catalog.moving import (
    AnyRecord,
    CommentRecord,
    LabelRecord,
    ListRecord,
    dictionaries_of,
    list_records,
    take_in,
)
from store.catalog.session import Catalog, Session
from store.errors import InvalidInput, NewerFormat

FORMAT: Final = "conceptoscope-annotations"
VERSION: Final = 2
"""2 since blind tests move with their labels; files of version 1 have none."""
_RECORD: Final[TypeAdapter[LabelRecord | CommentRecord | ListRecord]] = TypeAdapter(AnyRecord)


@dataclass(frozen=True)
class Import:
    """What came of an import: records by kind, how many of them brought something, dictionaries that are not here."""

    n_read: dict[str, int]
    n_new: int
    unknown: dict[str, int]
    """Records about each dictionary (by its digest) that the catalog does not know. They are kept."""


def write_annotations(catalog: Catalog, file: IO[str]) -> int:
    """Write all annotations, one a line; returns how many."""
    file.write(f'{{"format":"{FORMAT}","version":{VERSION}}}\n')
    n = 0
    with catalog.session() as session:
        for record in list_records(session):
            file.write(record.model_dump_json() + "\n")
            n += 1
    return n


def read_annotations(lines: Iterable[str]) -> Iterator[LabelRecord | CommentRecord | ListRecord]:
    """The records of a file; raises ``InvalidInput`` that names the line, ``NewerFormat`` for a later version."""
    for number, line in enumerate(lines, 1):
        if number == 1:
            _check_head(line)
        elif line.strip():
            try:
                yield _RECORD.validate_json(line)
            except ValidationError as fault:
                first = fault.errors()[0]
                where = ".".join(str(part) for part in first["loc"]) or "record"
                raise InvalidInput(f"Line {number}: {where}: {first['msg']}. Nothing was written.") from fault
            except InvalidInput as fault:
                raise InvalidInput(f"Line {number}: {fault} Nothing was written.") from fault


def import_annotations(catalog: Catalog, lines: Iterable[str]) -> Import:
    """Take in a whole file, or nothing of it. The same file again brings nothing new."""
    n_read: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    n_new = 0
    with catalog.session() as session:
        known = _known_digests(session)
        for record in read_annotations(lines):
            n_read[record.kind] += 1
            unknown.update(dictionaries_of(record) - known)
            n_new += take_in(session, record)
    return Import(dict(n_read), n_new, dict(unknown))


def _known_digests(session: Session) -> set[str]:
    return {row.digest for row in list_dictionaries(session, with_atlas=False)}


def _check_head(line: str) -> None:
    try:
        head = TypeAdapter(dict[str, object]).validate_json(line)
    except ValidationError:
        head = {}
    if head.get("format") != FORMAT:
        raise InvalidInput("Line 1: this is no file of annotations; `conceptoscope annotations export` writes one.")
    if head.get("version") not in range(1, VERSION + 1):
        raise NewerFormat(
            f"The file has version {head.get('version')} of annotations, this program reads {VERSION}: "
            "upgrade Conceptoscope."
        )
