"""The home of artifacts that is a folder: one rename publishes."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from store.artifacts.artifact import Artifact
from store.artifacts.faults import check_writable, told_in_words
from store.artifacts.leftovers import SET_ASIDE, SHARED, TRASH, UPLOAD, Leftover, folder_leftover, moved_name
from store.artifacts.manifest import MANIFEST, Manifest
from store.artifacts.shared import FolderParts
from store.artifacts.sums import sync_folder, write_synced
from store.errors import ConceptoscopeError
from store.vocabulary import Kind

_PARTS = ".parts"
_FOLDERS = {SHARED: ".drafts", SET_ASIDE: ".damaged", TRASH: ".trash", UPLOAD: "."}


class FolderHome:
    """Artifacts below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check(self) -> None:
        """Raise ``InvalidInput`` when the folder cannot be made or written."""
        check_writable(self.root)

    def check_readable(self) -> None:
        """Raise ``Unavailable`` when the folder is gone or cannot be read."""
        with told_in_words(self.root), os.scandir(self.root):
            pass

    def cache_use(self) -> None:
        """Files are read where they lie."""

    def close(self) -> None:
        """Nothing is open."""

    def drafts(self, kind: Kind) -> Path:
        """Drafts stand beside the artifacts, so that one rename moves them."""
        return self.root / kind / ".drafts"

    def trash(self, kind: Kind) -> Path:
        """Removed artifacts and drafts, one rename away."""
        return self.root / kind / _FOLDERS[TRASH]

    def shared(self, kind: Kind, key: str) -> FolderParts:
        """What several workers have finished for one draft."""
        return FolderParts(self.drafts(kind) / f"{key}{_PARTS}")

    def answer(self, kind: Kind, key: str) -> str | None:
        """Digest of the whole artifact that answers a request."""
        try:
            digest = self._pointer(kind, key).read_text().strip()
        except FileNotFoundError:
            return None
        return digest if self._is_whole(kind, digest) else None

    def is_there(self, kind: Kind, digest: str) -> bool:
        """Whether there is a whole artifact at an address."""
        return self._is_whole(kind, digest)

    def find(self, kind: Kind, digest: str) -> Artifact | None:
        """The whole artifact at an address."""
        return Artifact(self._path(kind, digest)) if self._is_whole(kind, digest) else None

    def digests(self, kind: Kind) -> list[str]:
        """Addresses of all whole artifacts, sorted."""
        folder = self.root / kind
        names = [path.name for path in folder.iterdir()] if folder.exists() else []
        return sorted(name for name in names if not name.startswith(".") and self._is_whole(kind, name))

    def take(self, draft: Path, manifest: Manifest, *, check: Callable[[], None]) -> None:
        """Move a draft to its address. Hidden files go at the last moment: until then an interrupted run goes on."""
        write_synced(draft / MANIFEST, manifest.as_bytes())
        target = self._path(manifest.kind, manifest.digest)
        if self._is_whole(manifest.kind, manifest.digest):
            return
        check()
        for entry in draft.glob(".*"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        try:
            draft.rename(target)
        except OSError:
            if self._is_whole(manifest.kind, manifest.digest):  # another one was a moment faster
                return
            self._move_to(SET_ASIDE, manifest.kind, target)
            draft.rename(target)
        sync_folder(target.parent)

    def point(self, manifest: Manifest, *, key: str = "") -> str:
        """Let this artifact answer its request, or that of ``key``, unless another whole one does; gives its digest."""
        pointer = self._pointer(manifest.kind, key or manifest.key)
        pointer.parent.mkdir(exist_ok=True)
        fresh = pointer.with_name(f"{pointer.name}.new-{os.getpid()}")
        write_synced(fresh, manifest.digest.encode())
        try:
            os.link(fresh, pointer)
        except OSError:  # there is one, or the disk knows no links
            first = self.answer(manifest.kind, pointer.name)
            if first is not None:
                return first
            fresh.replace(pointer)
        finally:
            fresh.unlink(missing_ok=True)
        sync_folder(pointer.parent)
        return manifest.digest

    def set_aside(self, artifact: Artifact) -> str:
        """Move an artifact to ``.damaged``, in one step; its request has no answer from then on."""
        return str(self._withdraw(artifact, SET_ASIDE))

    def leftovers(self, kind: Kind) -> Iterator[Leftover]:
        """Shared drafts, artifacts that were set aside, and folders that are no artifact."""
        for path in sorted(self.drafts(kind).glob(f"*{_PARTS}")):
            yield folder_leftover(SHARED, kind, path)
        for path in sorted((self.root / kind / _FOLDERS[SET_ASIDE]).glob("*")):
            yield folder_leftover(SET_ASIDE, kind, path)
        for path in sorted((self.root / kind).glob("[!.]*")):
            if not self._is_whole(kind, path.name):
                yield folder_leftover(UPLOAD, kind, path)

    def withdraw(self, thing: Artifact | Leftover) -> bool:
        """Move it to the trash, in one step; who has opened a file of it can read on.

        What has become an artifact, or has been worked on, since it was listed stays. It is no trouble when another
        process does the same.
        """
        with suppress(FileNotFoundError):
            if isinstance(thing, Artifact):
                self._withdraw(thing, TRASH)
            else:
                path = self.root / thing.kind / _FOLDERS[thing.what] / thing.name
                if not self._is_alive(thing, path):
                    self._move_to(TRASH, thing.kind, path)
        return True

    def _is_alive(self, thing: Leftover, path: Path) -> bool:
        if thing.what == UPLOAD and self._is_whole(thing.kind, thing.name):
            return True
        return folder_leftover(thing.what, thing.kind, path).changed_at > thing.changed_at

    def _withdraw(self, artifact: Artifact, what: str) -> Path:
        """Move an artifact out of sight; its request has no answer from then on."""
        aside = self._move_to(what, Kind(artifact.path.parent.name), artifact.path)
        self._forget(Artifact(aside), artifact.digest)
        return aside

    def _move_to(self, what: str, kind: Kind, path: Path) -> Path:
        aside = self.root / kind / _FOLDERS[what] / moved_name(path.name, now=datetime.now(UTC))
        aside.parent.mkdir(exist_ok=True)
        path.rename(aside)
        return aside

    def _path(self, kind: Kind, digest: str) -> Path:
        return self.root / kind / digest

    def _pointer(self, kind: Kind, key: str) -> Path:
        return self.root / kind / ".keys" / key

    def _is_whole(self, kind: Kind, digest: str) -> bool:
        return bool(digest) and (self._path(kind, digest) / MANIFEST).exists()

    def _forget(self, artifact: Artifact, digest: str) -> None:
        """Remove the pointer to an artifact that is no more; one that can't be derived leads nowhere by itself."""
        try:
            pointer = self._pointer(artifact.manifest.kind, artifact.manifest.key)
            if pointer.read_text().strip() == digest:
                pointer.unlink()
        except (ConceptoscopeError, FileNotFoundError):
            return
