"""The home of artifacts that is an object store, with a cache on this machine. The manifest is written last.

``<kind>/<digest>.json`` is the manifest, ``<kind>/<digest>/<start of sha256>/<name>`` are the files: an upload never
writes over another one's bytes, and a second try finds what the first has finished. ``<kind>/.keys/<key>`` holds the
digest that answers a request, ``<kind>/.drafts/<key>/`` the shared parts of a draft, ``<kind>/.damaged/`` what was set
aside. Manifests and pointers are only ever created, so that the first one wins.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from store.artifacts.artifact import Artifact
from store.artifacts.cache import Cache, CacheUse
from store.artifacts.faults import check_writable
from store.artifacts.leftovers import SET_ASIDE, SHARED, UPLOAD, Leftover, moved_at, moved_name
from store.artifacts.manifest import MANIFEST, Manifest, parse_manifest
from store.artifacts.objects import Listed, Objects
from store.artifacts.remote_files import SUFFIX, RemoteFiles, file_name, manifest_name
from store.artifacts.remote_parts import RemoteParts
from store.errors import ConceptoscopeError
from store.vocabulary import Kind

CACHE = "cache"
_AT_ONCE = 1000  # objects that are removed by one request, in less than a second
_FOLDERS = {SHARED: ".drafts/", SET_ASIDE: ".damaged/", UPLOAD: ""}


class RemoteHome:
    """Artifacts below one URL. ``root`` is where drafts are built and files are cached."""

    def __init__(self, objects: Objects, *, root: Path, cache_bytes: int) -> None:
        self.root, self._objects = root, objects
        self._cache = Cache(root / CACHE, n_bytes=cache_bytes)

    def check(self) -> None:
        """Raise a domain error unless the folder and the object store can be written."""
        check_writable(self.root)
        self._objects.check()

    def check_readable(self) -> None:
        """Raise a domain error unless the object store answers."""
        self._objects.read(".check")

    def cache_use(self) -> CacheUse:
        """How the cache of this machine is used."""
        return self._cache.use()

    def close(self) -> None:
        """Release connections."""
        self._objects.close()

    def drafts(self, kind: Kind) -> Path:
        """Drafts are built on this machine."""
        return self.root / "scratch" / kind

    def trash(self, kind: Kind) -> Path:
        """Removed drafts; objects are deleted at once."""
        return self.root / "scratch" / f".trash-{kind}"

    def shared(self, kind: Kind, key: str) -> RemoteParts:
        """What several workers have finished for one draft."""
        return RemoteParts(self._objects, f"{kind}/.drafts/{key}")

    def answer(self, kind: Kind, key: str) -> str | None:
        """Digest of the whole artifact that answers a request; asks the object store, not the cache."""
        pointer = self._objects.read(_pointer(kind, key))
        digest = None if pointer is None else pointer.decode(errors="replace").strip()
        return digest if digest and self.is_there(kind, digest) else None

    def is_there(self, kind: Kind, digest: str) -> bool:
        """Whether there is a whole artifact at an address; asks the object store, not the cache."""
        return self._objects.size(manifest_name(kind, digest)) is not None

    def find(self, kind: Kind, digest: str) -> Artifact | None:
        """The whole artifact at an address, which never changes: what is in the cache needs no object store."""
        files = self._files(kind, digest)
        return Artifact(self._cache.folder(kind, digest), files) if files.fetch_manifest() else None

    def digests(self, kind: Kind) -> list[str]:
        """Addresses of all whole artifacts, sorted: one listing."""
        names = (one.name.rpartition("/")[2] for one in self._objects.listed(kind) if not one.is_folder)
        return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))

    def take(self, draft: Path, manifest: Manifest, *, check: Callable[[], None]) -> None:
        """Upload the files, then the manifest, which makes them visible; the draft's files go into the cache."""
        kind, digest = manifest.kind, manifest.digest
        if self.is_there(kind, digest):
            return
        for name, entry in manifest.files.items():
            target = file_name(kind, digest, name, entry)
            if self._objects.size(target) != entry.n_bytes:  # an earlier try may have finished this one
                self._objects.upload(draft / name, target)
        check()
        if self._objects.create(manifest_name(kind, digest), manifest.as_bytes()):
            self._cache.adopt(draft, kind, digest)

    def point(self, manifest: Manifest, *, key: str = "") -> str:
        """Let this artifact answer its request, or that of ``key``, unless another whole one does; gives its digest."""
        pointer = _pointer(manifest.kind, key or manifest.key)
        if not self._objects.create(pointer, manifest.digest.encode()):
            first = self.answer(manifest.kind, key or manifest.key)
            if first is not None:
                return first
            self._objects.write(pointer, manifest.digest.encode())
        return manifest.digest

    def set_aside(self, artifact: Artifact) -> str:
        """Move an artifact below ``.damaged``, its manifest first; its request has no answer from then on."""
        kind, digest = artifact.path.parent.name, artifact.digest
        aside = f"{kind}/.damaged/{moved_name(digest, now=datetime.now(UTC))}"
        self._forget(Kind(kind), digest)
        if self._objects.size(manifest_name(kind, digest)) is not None:
            self._objects.move(manifest_name(kind, digest), f"{aside}/{MANIFEST}")
        for one in self._objects.below(f"{kind}/{digest}"):
            self._objects.move(one.name, f"{aside}/{one.name.removeprefix(f'{kind}/{digest}/')}")
        self._cache.drop(artifact.path)
        return f"{self._objects.url}/{aside}"

    def leftovers(self, kind: Kind) -> Iterator[Leftover]:
        """Shared drafts, what was set aside, files without a manifest, and parts of uploads that were cut off."""
        for what, folder in ((SHARED, f"{kind}/.drafts"), (SET_ASIDE, f"{kind}/.damaged")):
            for one in self._objects.listed(folder):
                yield from self._leftovers(what, kind, one)
        whole = set(self.digests(kind))
        for one in self._objects.listed(kind):
            name = one.name.rpartition("/")[2]
            if one.is_folder and not name.startswith(".") and name not in whole:
                yield from self._leftovers(UPLOAD, kind, one)
        for upload in self._objects.cut_off():
            if upload.name.startswith(f"{kind}/"):
                yield Leftover(UPLOAD, kind, upload.name.removeprefix(f"{kind}/"), 0, upload.began_at)

    def withdraw(self, thing: Artifact | Leftover) -> bool:
        """Remove some of an artifact's objects, pointer and manifest first, or of what was left over."""
        if isinstance(thing, Artifact):
            kind = thing.path.parent.name
            self._forget(Kind(kind), thing.digest)
            self._objects.remove([manifest_name(kind, thing.digest)])
            self._cache.drop(thing.path)
            return self._objects.remove_below(f"{kind}/{thing.digest}", at_most=_AT_ONCE)
        if thing.what == UPLOAD and "/" in thing.name:  # only parts: a later try may have made the object of that name
            for upload in self._objects.cut_off():
                if upload.name == f"{thing.kind}/{thing.name}" and upload.began_at <= thing.changed_at:
                    self._objects.abort(upload)
            return True
        folder = Listed(f"{thing.kind}/{_FOLDERS[thing.what]}{thing.name}", 0, thing.changed_at, is_folder=True)
        if thing.what == UPLOAD and self.is_there(thing.kind, thing.name):
            return True  # it has become an artifact since it was listed
        if any(now.changed_at > thing.changed_at for now in self._leftovers(thing.what, thing.kind, folder)):
            return True
        return self._objects.remove_below(folder.name, at_most=_AT_ONCE)

    def _files(self, kind: Kind, digest: str) -> RemoteFiles:
        return RemoteFiles(self._objects, self._cache, kind, digest)

    def _leftovers(self, what: str, kind: Kind, folder: Listed) -> Iterator[Leftover]:
        """A folder as a leftover, unless it is an empty one that the server kept."""
        objects = self._objects.below(folder.name)
        if objects:
            name = folder.name.rpartition("/")[2]
            n_bytes, changed_at = sum(one.n_bytes for one in objects), max(one.changed_at for one in objects)
            yield Leftover(what, kind, name, n_bytes, moved_at(name) or changed_at)

    def _forget(self, kind: Kind, digest: str) -> None:
        """Remove the pointer to an artifact; one that can't be derived leads nowhere once the manifest is gone."""
        try:
            content = self._objects.read(manifest_name(kind, digest)) or b""
            pointer = _pointer(kind, parse_manifest(content, place=digest).key)
        except ConceptoscopeError:
            return
        if self._objects.read(pointer) == digest.encode():
            self._objects.remove([pointer])


def _pointer(kind: Kind, key: str) -> str:
    return f"{kind}/.keys/{key}"
