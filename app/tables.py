"""Collections as answers: in the envelope, or as a table in a file."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.answers import Tag, data_answer, link_header, tagged
from app.api.wrap import links_of, wrap
from app.flat import field_names, flat_columns, flat_rows
from app.formats import MEDIA_TYPES, SUFFIXES, TABLE, choose_format, split_fields
from app.params import read_params
from app.roster import Entry
from app.views.base import Paging, View
from store.sheets import Format, Sheet, sheet_of_rows, write_sheet

_BLOCK: Final = 2**18


@dataclass(frozen=True)
class Listed:
    """What was found: view models, or rows that are their JSON, of one model. ``name`` is that of the file."""

    model: type[View]
    items: Sequence[View | dict[str, Any]]
    name: str
    extra: tuple[str, ...] = ()
    """Fields of rows that the model does not have; JSON text in tables."""

    def names(self, fields: str) -> tuple[str, ...]:
        """The fields in a comma list; raises ``BadQuery``."""
        return split_fields(fields, (*field_names(self.model), *self.extra))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The items as JSON."""
        return [one.model_dump(mode="json", by_alias=True) if isinstance(one, View) else one for one in self.items]

    def chosen(self, fields: str) -> Sequence[View | dict[str, Any]]:
        """The items, or only some fields of each; raises ``BadQuery``."""
        names = self.names(fields)
        return [{name: row[name] for name in names} for row in self.rows] if names else self.items

    def sheet(self, fields: str) -> Sheet:
        """The same as a table; raises ``BadQuery``."""
        names, rows = self.names(fields), self.rows
        wanted = names or (*field_names(self.model), *self.extra)
        columns = flat_columns(self.model, [name for name in wanted if name not in self.extra])
        more = [name for name in wanted if name in self.extra]
        flat = [
            {**one, **{name: row[name] for name in more}}
            for one, row in zip(flat_rows(columns, rows), rows, strict=True)
        ]
        return sheet_of_rows({c.name: c.type for c in columns} | dict.fromkeys(more, "VARCHAR"), flat)


@dataclass(frozen=True)
class Around:
    """What stands around a collection in an answer."""

    etag: Tag | None = None
    html: str | None = None
    entry: Entry | None = None
    paging: Paging | None = None


def read_table(request: Request) -> str:
    """The fields that are asked for of a collection without parameters of its own; raises ``BadQuery``."""
    choose_format(request)
    return read_params(request, *TABLE)["fields"]


def list_answer(request: Request, listed: Listed, fields: str, *, around: Around) -> Response:
    """A collection in the format that the request chose, all fields or those in the comma list."""
    if request.state.form is None:
        return envelope_answer(request, listed.chosen(fields), around=around)
    return sheet_answer(request, listed.sheet(fields), listed.name, around=around)


def envelope_answer(request: Request, data: Any, *, around: Around) -> Response:
    """Data as JSON where a table could be had, too."""
    envelope = wrap(request, data, html=around.html, entry=around.entry, paging=around.paging)
    response = data_answer(envelope, etag=around.etag)
    response.headers["Vary"] = "Accept"
    return response


def sheet_answer(request: Request, sheet: Sheet, name: str, *, around: Around) -> Response:
    """A sheet in the format that the request chose."""
    form: Format = request.state.form
    response = file_answer(sheet, form, name)
    response.headers["Vary"] = "Accept"
    tagged(response, around.etag)
    link_header(response, links_of(request, html=around.html, paging=around.paging))
    return response


def file_answer(sheet: Sheet, form: Format, name: str) -> Response:
    """A sheet as a file to keep. It is written out before the first byte leaves, so a fault is still told in words."""
    folder = tempfile.mkdtemp(prefix="conceptoscope-")
    try:
        path = Path(folder) / "table"
        write_sheet(sheet, form, path)
        n_bytes, file = path.stat().st_size, path.open("rb")
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # an open file stays readable
    disposition = f'attachment; filename="{name}.{SUFFIXES[form]}"'
    headers = {"Content-Disposition": disposition, "Content-Length": str(n_bytes)}
    return StreamingResponse(_blocks(file), media_type=MEDIA_TYPES[form], headers=headers)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
