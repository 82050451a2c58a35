"""Secrets that open the web program: made once, shown once, kept as a digest.

A secret has 256 random bits, so nobody finds it by trying, however fast the digest is computed: SHA-256 is enough, and
a slow hash, which protects what people choose themselves, would only make every first request of a visitor slow.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_SHAPE: Final = re.compile(r"cs[ts]_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class Use(StrEnum):
    """What a secret opens; it begins with these letters, so that a leaked one is recognised."""

    TOKEN = "cst"  # noqa: S105 the beginning of one, not one
    SESSION = "css"


@dataclass(frozen=True)
class Secret:
    """A secret and the part of it that names it without opening anything."""

    text: str = field(repr=False)
    public_id: str

    @property
    def digest(self) -> str:
        """What is kept: SHA-256 of the text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def fits(self, digest: str) -> bool:
        """Whether it is the one that a digest was made of; takes equal time for all wrong ones."""
        return hmac.compare_digest(self.digest, digest)


def make_secret(use: Use) -> Secret:
    """A new one: ``cst_``, 12 hexadecimal digits that name it, ``_``, 256 random bits."""
    public_id = secrets.token_hex(6)
    return Secret(f"{use}_{public_id}_{secrets.token_urlsafe(32)}", public_id)


def read_secret(text: str, use: Use) -> Secret | None:
    """A secret that a visitor shows; None for what cannot be one."""
    found = _SHAPE.fullmatch(text)
    return Secret(text, found[1]) if found and text.startswith(use) else None
