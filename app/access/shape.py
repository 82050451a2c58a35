"""What a request must look like before anything is made of it."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from app.access.refusals import BadAddress, WrongMedia

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NUL: Final = re.compile(rb"%00|\x00")
_READ_HERE: Final = ("application/json", "multipart/form-data", "application/x-www-form-urlencoded")


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their names in small letters; what is given several times is joined, as it is one list."""
    found: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        between = "; " if name == "cookie" else ", "
        found[name] = f"{found[name]}{between}{value}" if name in found else value
    return found


def length_of(headers: Mapping[str, str]) -> int:
    """How many bytes a body is said to have; 0 when nothing is said."""
    told = headers.get("content-length", "")
    return int(told) if told.isdecimal() and len(told) < 16 else 0


def check_address(path: str, query: bytes) -> None:
    """Refuse what no link of ours has and databases choke on; raises ``BadAddress``."""
    if _CONTROL.search(path) or _NUL.search(query):
        raise BadAddress("The address has control characters in it, which no link of ours has.")


def check_media(headers: Mapping[str, str]) -> None:
    """Refuse bodies of a type that nothing here reads; raises ``WrongMedia``."""
    has_body = length_of(headers) > 0 or "transfer-encoding" in headers
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and media not in _READ_HERE:
        raise WrongMedia(f"A body of the type '{media[:80]}' cannot be read here: send {', '.join(_READ_HERE)}.")
