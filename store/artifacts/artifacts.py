"""The one door to artifacts: found by request, read by address, built in drafts and published, in whichever home."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from store.artifacts.artifact import Artifact
from store.artifacts.cache import CacheUse
from store.artifacts.drafts import Draft, Drafts
from store.artifacts.faults import told_in_words
from store.artifacts.folder import FolderHome
from store.artifacts.guard import Guard
from store.artifacts.home import Home
from store.artifacts.leftovers import DRAFT, TRASH, Leftover, folder_leftover
from store.artifacts.manifest import Manifest, key_of
from store.artifacts.notes import Notes
from store.artifacts.shared import SharedDraft
from store.artifacts.sums import check_sum
from store.errors import Damaged, NotFound
from store.specs import Spec, digest_of
from store.vocabulary import Kind


class Artifacts:
    """All artifacts of a store: those below a folder, or in another home.

    A guard tells who builds; notes are taken of every artifact that is found, got or published.
    """

    def __init__(self, home: Path | Home, *, guard: Guard | None = None, notes: Notes | None = None) -> None:
        self._home: Home = FolderHome(home) if isinstance(home, Path) else home
        self._guard, self._notes = guard, notes

    @property
    def root(self) -> Path:
        """The folder on this machine in which we work."""
        return self._home.root

    def check(self) -> None:
        """Raise a domain error unless artifacts can be read and written."""
        self._home.check()

    def check_readable(self) -> None:
        """Raise a domain error unless artifacts can be read; writes nothing."""
        self._home.check_readable()

    def cache_use(self) -> CacheUse | None:
        """How the cache of this machine is used; None where artifacts need none."""
        return self._home.cache_use()

    def close(self) -> None:
        """Release connections."""
        self._home.close()

    def find(self, kind: Kind, spec: Spec, *, inputs: Mapping[str, str]) -> Artifact | None:
        """The artifact that answers this request, if it has been built."""
        return self._answer(kind, key_of(kind, spec, inputs=inputs))

    def is_there(self, kind: Kind, digest: str) -> bool:
        """Whether there is a whole artifact at an address, asked where it is kept and not in a cache."""
        with told_in_words(self.root):
            return self._home.is_there(kind, digest)

    def get(self, kind: Kind, digest: str) -> Artifact:
        """The artifact at an address; raises ``NotFound``."""
        with told_in_words(self.root):
            found = self._home.find(kind, digest) if self._is_kept(kind, digest) else None
            if found is None:
                raise NotFound(kind, digest, known=self._home.digests(kind))
            return found

    def list(self, kind: Kind) -> list[Artifact]:
        """All published artifacts of a kind, by address."""
        with told_in_words(self.root):
            found = (self._home.find(kind, digest) for digest in self._home.digests(kind))
            return [artifact for artifact in found if artifact is not None]

    def draft_path(self, kind: Kind, spec: Spec, *, inputs: Mapping[str, str]) -> Path:
        """Where the draft of a request is, whether there is one or not."""
        return self._drafts(kind).path(key_of(kind, spec, inputs=inputs))

    def shared_draft(self, kind: Kind, spec: Spec, *, inputs: Mapping[str, str]) -> SharedDraft:
        """Finished files of a draft that several workers make together; publishing removes them."""
        return self._home.shared(kind, key_of(kind, spec, inputs=inputs))

    @contextmanager
    def draft(self, kind: Kind, spec: Spec, *, inputs: Mapping[str, str]) -> Iterator[Draft]:
        """A folder to build in, held by a lock; the draft stays when building fails.

        Raises ``Unavailable`` when another process holds it, or waits for that one when there is a guard: then
        ``found`` of the draft may be the answer. A full, vanished or read-only disk becomes ``Unavailable``, too.
        """
        key = key_of(kind, spec, inputs=inputs)
        with told_in_words(self.root), self._drafts(kind).held(key, what=f"{kind} {key[:12]}") as path:
            yield Draft(path, kind, spec.as_json(), dict(inputs), found=self._answer(kind, key))

    def publish(self, draft: Draft, *, inputs: Mapping[str, str] | None = None) -> Artifact:
        """Checksum and describe a draft and move it to its address in one atomic step, then answer its request with it.

        Hidden files, which a builder keeps to go on after an interruption, are dropped. The first answer stays: when
        there is one, the draft is dropped and that one returned. ``inputs`` are the manifest's where they tell better
        than the request's what it was made from: it then answers both requests, and equal ones made elsewhere.
        """
        key = key_of(draft.kind, draft.spec, inputs=draft.inputs)
        with told_in_words(self.root):
            found = self._answer(draft.kind, key)
            if found is None:
                manifest = draft.describe(now=datetime.now(UTC), inputs=inputs)
                self._want(draft.kind, manifest.digest)  # one of that address may be on its way out
                self._home.take(draft.path, manifest, check=self._check_guard)
                self._check_guard()
                found = self.get(draft.kind, self._home.point(manifest))
                if manifest.key != key:
                    self._home.point(found.manifest, key=key)
            draft.drop()
            self._drafts(draft.kind).drop(key)
            self._home.shared(draft.kind, key).clear()
            return found

    @contextmanager
    def adopting(self, manifest: Manifest) -> Iterator[Draft]:
        """A folder for the files of an artifact that was made elsewhere, apart from drafts of the same request."""
        key = digest_of({"adopted": manifest.digest})
        with (
            told_in_words(self.root),
            self._drafts(manifest.kind).held(key, what=f"{manifest.kind} {manifest.digest[:12]}") as path,
        ):
            yield Draft(path, manifest.kind, manifest.spec, dict(manifest.inputs))

    def adopt(self, draft: Draft, manifest: Manifest) -> Artifact:
        """Publish a filled folder under the manifest that came along with its files; raises ``Damaged``.

        Its request is answered by it, unless there is an answer already.
        """
        with told_in_words(self.root):
            found = draft.describe(now=manifest.created_at).files
            for name in {*found, *manifest.files}:
                if name not in found or name not in manifest.files:
                    raise Damaged(f"{manifest.kind} {manifest.digest[:12]}: '{name}' is missing, or not its own.")
                expected, there = manifest.files[name], found[name]
                check_sum(expected, sha256=there.sha256, n_bytes=there.n_bytes, what=f"{manifest.kind}: {name}")
            self._want(manifest.kind, manifest.digest)
            self._home.take(draft.path, manifest, check=self._check_guard)
            self._check_guard()
            self._home.point(manifest)
            return self.get(manifest.kind, manifest.digest)

    def set_aside(self, artifact: Artifact) -> str:
        """Move a damaged artifact out of sight, so that the same request builds it again; gives its new place."""
        with told_in_words(self.root):
            return self._home.set_aside(artifact)

    def leftovers(self) -> Sequence[Leftover]:
        """All that takes space and is no artifact, but for drafts that somebody builds in."""
        found: Sequence[Leftover] = []
        with told_in_words(self.root):
            for kind in Kind:
                drafts = [folder_leftover(DRAFT, kind, path) for path in self._drafts(kind).unheld()]
                trash = [folder_leftover(TRASH, kind, path) for path in self._home.trash(kind).glob("*")]
                found = [*found, *drafts, *trash, *self._home.leftovers(kind)]
        return found

    def building_since(self) -> datetime | None:
        """Since when somebody on this machine builds without a pause; None when nobody builds."""
        with told_in_words(self.root):
            return min((moment for kind in Kind for moment in self._drafts(kind).held_since()), default=None)

    def withdraw(self, thing: Artifact | Leftover) -> bool:
        """Do one short step of a removal; true when it was the last. Whether anybody needs it is the caller's to know.

        The first step takes an artifact out of sight; ``empty_trash`` frees its space. A leftover that somebody has
        worked on since it was listed stays.
        """
        with told_in_words(self.root):
            if isinstance(thing, Leftover) and thing.what in (DRAFT, TRASH):
                if thing.what == DRAFT:
                    self._drafts(thing.kind).withdraw(thing, trash=self._home.trash(thing.kind))
                return True
            return self._home.withdraw(thing)

    def empty_trash(self) -> None:
        """Delete what was withdrawn and is still kept."""
        with told_in_words(self.root):
            for kind in Kind:
                for path in self._home.trash(kind).glob("*"):
                    shutil.rmtree(path, ignore_errors=True)  # another process may do so, too

    def remove(self, thing: Artifact | Leftover) -> None:
        """Remove an artifact or a leftover for good, at once."""
        while not self.withdraw(thing):
            pass
        self.empty_trash()

    def _answer(self, kind: Kind, key: str) -> Artifact | None:
        with told_in_words(self.root):
            digest = self._home.answer(kind, key)
            return self._home.find(kind, digest) if digest is not None and self._is_kept(kind, digest) else None

    def _is_kept(self, kind: Kind, digest: str) -> bool:
        """Whether an artifact is there to stay, once a note has been taken."""
        if self._notes is None:
            return True  # as far as we know
        self._want(kind, digest)
        return self._home.is_there(kind, digest)

    def _want(self, kind: Kind, digest: str) -> None:
        if self._notes is not None:
            self._notes.want(kind, digest)

    def _drafts(self, kind: Kind) -> Drafts:
        return Drafts(self._home.drafts(kind), guard=self._guard)

    def _check_guard(self) -> None:
        if self._guard is not None:
            self._guard.check()
