"""The only door to fsspec: named objects below one URL, and what goes wrong with them in words."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import SecretStr

from store.artifacts.object_faults import code_of, is_missing, told
from store.errors import InvalidInput, Unavailable

_SMALL = 2**26  # manifests and pointers are smaller
_BLOCK = 8 * 2**20
_AT_ONCE = 4  # blocks in memory and on the way
_MOST_PARTS = 10_000  # of one object
_SCHEMES = ("s3", "file", "memory")


@dataclass(frozen=True)
class S3Access:
    """How an S3 server is reached; what is None the library finds where AWS keeps it."""

    endpoint: str | None = None
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    region: str | None = None

    def as_options(self) -> dict[str, Any]:
        """Options of s3fs. Listings are never cached: other processes write, too."""
        return {
            "endpoint_url": self.endpoint,
            "key": _plain(self.access_key),
            "secret": _plain(self.secret_key),
            "client_kwargs": {"region_name": self.region} if self.region else {},
            "config_kwargs": {
                "connect_timeout": 5,
                "read_timeout": 60,
                "retries": {"mode": "standard", "max_attempts": 4},
            },
            "use_listings_cache": False,
        }


@dataclass(frozen=True)
class Listed:
    """An object or a folder as a listing shows it; ``name`` is below the URL."""

    name: str
    n_bytes: int
    changed_at: datetime
    is_folder: bool


@dataclass(frozen=True)
class CutOff:
    """An upload in parts that was never finished."""

    name: str
    upload: str
    began_at: datetime


class Objects:
    """Objects below a URL such as ``s3://bucket/prefix``. Nothing is imported or connected before the first use."""

    def __init__(self, url: str, access: S3Access) -> None:
        self.url, self._access = url.rstrip("/"), access
        self._scheme, self._base = _parsed(self.url, access)

    def check(self) -> None:
        """Write and remove an object; raises a domain error that says what is wrong."""
        name = ".check"
        self.write(name, b"")
        self.remove([name])

    def close(self) -> None:
        """Release connections."""
        self.__dict__.pop("_fs", None)  # the library closes them when nobody refers to it any more

    def read(self, name: str) -> bytes | None:
        """A small object, or None when there is none."""
        with self._told():
            try:
                content: bytes = self._fs.cat_file(self._path(name), start=0, end=_SMALL)
            except FileNotFoundError as fault:
                if not is_missing(fault):
                    raise
                return None
            return content

    def write(self, name: str, content: bytes) -> None:
        """Write a small object, or replace it."""
        with self._told():
            self._make_parent(name)
            self._fs.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a small object unless there is one; false when there is. One of several writers wins."""
        with self._told():
            self._make_parent(name)
            try:
                self._fs.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
            except OSError as fault:
                if code_of(fault) in {"NotImplemented", "501"}:  # a server that can't tell: the last one wins
                    self._fs.pipe_file(self._path(name), content)
                    return True
                if code_of(fault) in {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}:
                    return False
                raise
            return True

    def size(self, name: str) -> int | None:
        """Size in bytes, or None when there is no such object."""
        with self._told():
            try:
                return int(self._fs.info(self._path(name))["size"])
            except FileNotFoundError:
                return None

    def upload(self, path: Path, name: str) -> None:
        """Write a file as an object, a large one in parts; it appears when it is whole."""
        part = max(2 * _BLOCK, -(-path.stat().st_size // _MOST_PARTS))
        options = {"chunksize": part, "max_concurrency": _AT_ONCE} if self._scheme == "s3" else {}
        with self._told():
            self._make_parent(name)
            self._fs.put_file(str(path), self._path(name), **options)

    def download(self, name: str, *, n_bytes: int, file: BinaryIO | None) -> tuple[str, int]:
        """Read an object of this size, into a file if there is one; gives SHA-256 and size of what was there."""
        digest, found = sha256(), 0
        for block in self._blocks(name, n_bytes):
            digest.update(block)
            found += len(block)
            if file is not None:
                file.write(block)
        return digest.hexdigest(), found

    def _blocks(self, name: str, n_bytes: int) -> Iterator[bytes]:
        """An object of this size, a few blocks at a time; fewer bytes when it is shorter or gone."""
        path = self._path(name)
        for first in range(0, n_bytes, _AT_ONCE * _BLOCK):
            starts = list(range(first, min(first + _AT_ONCE * _BLOCK, n_bytes), _BLOCK))
            ends = [min(start + _BLOCK, n_bytes) for start in starts]
            with self._told():
                try:
                    yield from self._fs.cat_ranges([path] * len(starts), starts, ends, on_error="raise")
                except OSError as fault:
                    if not is_missing(fault) and code_of(fault) not in {"InvalidRange", "416"}:
                        raise
                    return

    def listed(self, folder: str) -> list[Listed]:
        """Objects and folders in a folder, by name."""
        return self._seen(lambda: self._fs.ls(self._path(folder), detail=True))

    def below(self, folder: str) -> list[Listed]:
        """All objects below a folder, by name."""
        found = self._seen(lambda: list(self._fs.find(self._path(folder), detail=True).values()))
        return [one for one in found if not one.is_folder]

    def move(self, old: str, new: str) -> None:
        """Give an object another name."""
        with self._told():
            self._make_parent(new)
            self._fs.mv(self._path(old), self._path(new))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, in this order; those that are not there are no error."""
        with self._told():
            for name in names:
                try:
                    self._fs.rm_file(self._path(name))
                except FileNotFoundError as fault:
                    if not is_missing(fault):
                        raise

    def remove_below(self, folder: str, *, at_most: int | None = None) -> bool:
        """Remove a folder with all objects in it, or so many of them; true when none is left."""
        if self._scheme == "s3":
            with self._told():
                names = [self._path(one.name) for one in self.below(folder)]
                if names:
                    self._fs.rm(names[:at_most])
            return at_most is None or len(names) <= at_most
        if self.listed(folder):
            self._fs.rm(self._path(folder), recursive=True)
        return True

    def cut_off(self) -> list[CutOff]:
        """Uploads in parts that were never finished, below our URL."""
        if self._scheme != "s3":
            return []
        bucket, _, prefix = self._base.partition("/")
        with self._told():
            found = self._fs.list_multipart_uploads(bucket)
        start = f"{prefix}/" if prefix else ""
        return [
            CutOff(entry["Key"].removeprefix(start), entry["UploadId"], entry["Initiated"])
            for entry in found
            if entry["Key"].startswith(start)
        ]

    def abort(self, upload: CutOff) -> None:
        """Remove the parts of an upload."""
        bucket, _, prefix = self._base.partition("/")
        with self._told():
            self._fs.abort_mpu(bucket, f"{prefix}/{upload.name}" if prefix else upload.name, upload.upload)

    @cached_property
    def _fs(self) -> Any:
        try:
            import fsspec  # noqa: PLC0415 a program whose artifacts lie in a folder starts without it

            options = self._access.as_options() if self._scheme == "s3" else {}
            return fsspec.filesystem(self._scheme, skip_instance_cache=True, **options)
        except ImportError as fault:
            raise Unavailable(
                f"Artifacts at {self.url} need packages that are missing: pip install 'conceptoscope[cluster]'."
            ) from fault

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}" if name else self._base

    def _make_parent(self, name: str) -> None:
        if self._scheme != "s3":  # where folders exist by themselves
            self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)

    def _seen(self, look: Any) -> list[Listed]:
        with self._told():
            try:
                found = look()
            except FileNotFoundError as fault:
                if not is_missing(fault):
                    raise
                return []
        listed = [self._listed(info) for info in found if not info["name"].endswith("/")]
        return sorted(listed, key=lambda one: one.name)

    def _listed(self, info: dict[str, Any]) -> Listed:
        name = str(info["name"]).lstrip("/").removeprefix(self._base.lstrip("/")).lstrip("/")
        changed = info.get("LastModified") or info.get("mtime") or info.get("created") or 0
        moment = changed if isinstance(changed, datetime) else datetime.fromtimestamp(changed, tz=UTC)
        return Listed(name, int(info["size"] or 0), moment.astimezone(UTC), info["type"] == "directory")

    @contextmanager
    def _told(self) -> Iterator[None]:
        with told(self.url, endpoint=self._access.endpoint):
            yield


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() or None if secret else None


def _parsed(url: str, access: S3Access) -> tuple[str, str]:
    """Scheme and base path of a URL; raises ``InvalidInput`` for one that can't hold artifacts."""
    scheme, colon, rest = url.partition("://")
    if not colon or scheme not in _SCHEMES or "@" in rest or not rest.strip("/"):
        shown = url.partition("://")[0] + "://…" if "@" in rest else url
        raise InvalidInput(
            f"CONCEPTOSCOPE_ARTIFACTS_URL is '{shown}', which can't hold artifacts: give s3://BUCKET/PREFIX without "
            "credentials, or leave it empty to keep artifacts in the store's folder."
        )
    if access.endpoint is not None and not re.match(r"https?://[^/@]+/?$", access.endpoint):
        raise InvalidInput("CONCEPTOSCOPE_S3_ENDPOINT is no address such as https://s3.example.org:9000.")
    return scheme, rest if scheme == "file" else rest.strip("/")
