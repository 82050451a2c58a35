"""A photo in a request: by multipart form, held in memory only, its name never looked at."""

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from app.bodies import check_fields
from store.encoding.refusals import PhotoRefused, Reason
from store.errors import InvalidInput

ROOM_BYTES: Final = 64 * 1024
"""For the other fields and the borders between them."""
_FIELDS: Final = 20


@dataclass(frozen=True)
class SentForm:
    """A form: the photo's bytes, empty without one, and the values of all other fields."""

    photo: bytes
    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a field."""
        return tuple(value for key, value in self.fields if key == name and value)


class _InMemory(MultiPartParser):
    """Starlette's parser writes large files to disk; this one never does."""

    spool_max_size = 2**40


async def read_form(request: Request, *, max_bytes: int) -> SentForm:
    """A multipart form with at most one file. Raises ``PhotoRefused`` when it is too large, ``InvalidInput``."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 15 or int(length) > max_bytes + ROOM_BYTES):
        raise too_large(max_bytes)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput("Send the photo as multipart/form-data, in the field 'file'.")
    parser = _InMemory(request.headers, request.stream(), max_files=1, max_fields=_FIELDS)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as fault:
        raise InvalidInput(f"The form cannot be read: {getattr(fault, 'message', 'it is broken')}") from fault
    except HTTPException as fault:
        raise (too_large(max_bytes) if fault.status_code == 413 else fault) from fault
    photo, fields = b"", []
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                photo = await value.read()
            else:
                fields.append((name, value))
    finally:
        await form.close()
    if len(photo) > max_bytes:
        raise too_large(max_bytes)
    check_fields(fields)
    return SentForm(photo, tuple(fields))


def too_large(max_bytes: int) -> PhotoRefused:
    """What to say of a photo with more bytes than are taken."""
    return PhotoRefused(Reason.TOO_LARGE, f"The photo is too large: at most {max_bytes:,} bytes are taken.")
