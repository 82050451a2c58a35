"""Where artifacts live: the contract that a folder and an object store both keep."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from store.artifacts.artifact import Artifact
from store.artifacts.cache import CacheUse
from store.artifacts.leftovers import Leftover
from store.artifacts.manifest import Manifest
from store.artifacts.shared import SharedDraft
from store.vocabulary import Kind


class Home(Protocol):
    """A place of published artifacts. All raise ``Unavailable`` when the place cannot be used."""

    @property
    def root(self) -> Path:
        """The folder on this machine in which we work."""

    def check(self) -> None:
        """Raise a domain error unless artifacts can be read and written."""

    def check_readable(self) -> None:
        """Raise a domain error unless artifacts can be read; writes nothing."""

    def cache_use(self) -> CacheUse | None:
        """How the cache of this machine is used; None where artifacts need none."""

    def close(self) -> None:
        """Release connections."""

    def drafts(self, kind: Kind) -> Path:
        """The folder on this machine in which drafts of a kind are built."""

    def trash(self, kind: Kind) -> Path:
        """The folder on this machine, on the same disk, of what is to be deleted."""

    def shared(self, kind: Kind, key: str) -> SharedDraft:
        """What several workers have finished for one draft."""

    def answer(self, kind: Kind, key: str) -> str | None:
        """Digest of the whole artifact that answers a request."""

    def is_there(self, kind: Kind, digest: str) -> bool:
        """Whether there is a whole artifact at an address, asked where it is kept and not in a cache."""

    def find(self, kind: Kind, digest: str) -> Artifact | None:
        """The whole artifact at an address."""

    def digests(self, kind: Kind) -> list[str]:
        """Addresses of all whole artifacts, sorted."""

    def take(self, draft: Path, manifest: Manifest, *, check: Callable[[], None]) -> None:
        """Let a finished draft become the artifact at its address, unless there is one.

        ``check`` is called immediately before it becomes visible. The draft's folder may be gone afterwards.
        """

    def point(self, manifest: Manifest, *, key: str = "") -> str:
        """Let this artifact answer its request, unless another whole one does; gives the digest that answers now.

        ``key`` is that of another request that it answers, too.
        """

    def set_aside(self, artifact: Artifact) -> str:
        """Move an artifact out of sight; gives the place where it is now."""

    def leftovers(self, kind: Kind) -> Iterable[Leftover]:
        """What is kept and is no artifact, but for drafts on this machine."""

    def withdraw(self, thing: Artifact | Leftover) -> bool:
        """Do one short step of a removal, the first of which takes an artifact out of sight; true when it was the last.

        What was left over stays when it has become an artifact, or has been worked on, since it was listed.
        """
