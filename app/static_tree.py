"""Static files under an address that holds the digest of their whole tree, so that they never go stale."""

import hashlib
import logging
from pathlib import Path

from app import urls
from app.precoded import compressed, form_of, is_worth_it, sources
from store.errors import NotFound

log = logging.getLogger(__name__)

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".speculationrules": "application/speculationrules+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/vnd.microsoft.icon",
    "": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


class StaticTree:
    """All files below a folder, known from the start; one digest for the tree keeps relative imports working."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files = {path.relative_to(root).as_posix(): path for path in sources(root)}
        self._sha256 = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in self._files.items()}
        self._coded: dict[tuple[str, str], bytes] = {}
        digest = hashlib.sha256()
        for name, sha256 in self._sha256.items():
            digest.update(f"{name}\0{sha256}\n".encode())
        self.digest = digest.hexdigest()[:16]

    def url(self, name: str) -> str:
        """Address of a file. A missing one (``static/vendor`` before ``make setup``) is logged; pages do without it."""
        if name not in self._files:
            log.warning("Static file '%s' is missing; `make setup` fetches static/vendor.", name)
        return urls.static(name, self.digest)

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self._files

    @property
    def names(self) -> tuple[str, ...]:
        """All files, by name."""
        return tuple(self._files)

    def lost(self) -> tuple[str, ...]:
        """Files that were there at the start and are gone."""
        return tuple(name for name, path in self._files.items() if not path.is_file())

    def read(self, digest: str, name: str, *, coding: str = "") -> tuple[bytes, str, str]:
        """Content, media type and the coding that it has; raises ``NotFound`` for another build's digest or name.

        Brotli is what the set-up made; anything else is coded once and kept.
        """
        path = self._files.get(name) if digest == self.digest else None
        if path is None:
            raise NotFound("static file", f"{digest}/{name}", remedy="Load the page again.")
        media_type = TYPES.get(path.suffix, "application/octet-stream")
        if not coding or not is_worth_it(path):
            return path.read_bytes(), media_type, ""
        form = form_of(self._root, self._sha256[name])
        if coding == "br" and form.is_file():
            return form.read_bytes(), media_type, coding
        if (name, coding) not in self._coded:
            self._coded[name, coding] = compressed(path.read_bytes(), coding)
        return self._coded[name, coding], media_type, coding
