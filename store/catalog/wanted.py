"""Which artifacts the catalog refers to, and when others were last wanted; the rows are what removals wait for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.orm import Session

from store.artifacts import Artifact, Artifacts
from store.catalog.base import Moment
from store.catalog.runs import n_changed
from store.catalog.session import Catalog
from store.catalog.tables import Alignment, Atlas, Collection, Dictionary, Wanted
from store.errors import Unavailable
from store.universal import artifact_kind
from store.vocabulary import Kind

_INSERT: Final = "INSERT INTO wanted (kind, digest, wanted_at) VALUES (:kind, :digest, :wanted_at) ON CONFLICT "
_MOMENT: Final = bindparam("wanted_at", type_=Moment())
_NOTE: Final = text(f"{_INSERT} (kind, digest) DO UPDATE SET wanted_at = excluded.wanted_at").bindparams(_MOMENT)
_BEGIN: Final = text(f"{_INSERT} DO NOTHING").bindparams(_MOMENT)


def list_references(session: Session) -> dict[Kind, set[str]]:
    """Digests that the catalog refers to, by kind of artifact."""
    learned: dict[Kind, set[str]] = {Kind.DICTIONARY: set(), Kind.UNIVERSAL: set()}
    for method, digest in session.execute(select(Dictionary.method, Dictionary.digest)):
        learned[artifact_kind(method)].add(digest)
    return learned | {
        Kind.COLLECTION: set(session.scalars(select(Collection.digest))),
        Kind.ATLAS: set(session.scalars(select(Atlas.digest))),
        Kind.ALIGNMENT: set(session.scalars(select(Alignment.digest))),
        Kind.ACTIVATIONS: set(),
    }


def list_wanted(session: Session) -> dict[tuple[Kind, str], datetime]:
    """When artifacts were last wanted, by kind and digest, as far as it was noted."""
    return {(Kind(row.kind), row.digest): row.wanted_at for row in session.scalars(select(Wanted))}


def note_wanted(session: Session, kind: Kind, digest: str) -> None:
    """The artifact is wanted now. Waits while it is being removed; nobody removes it before this transaction ends."""
    session.execute(_NOTE, {"kind": kind.value, "digest": digest, "wanted_at": datetime.now(UTC)})


@contextmanager
def recording(artifact: Artifact, artifacts: Artifacts, catalog: Catalog) -> Iterator[Session]:
    """A transaction that lets the catalog refer to an artifact; raises ``Unavailable`` when that has been removed."""
    kind = Kind(artifact.path.parent.name)  # the manifest may be gone
    with catalog.session() as session:
        note_wanted(session, kind, artifact.digest)
        if not artifacts.is_there(kind, artifact.digest):
            raise Unavailable(
                f"The {kind} {artifact.digest[:12]} was removed by `conceptoscope gc` with a short --grace "
                "before the catalog knew of it: run the same command again."
            )
        yield session


def note_replaced(session: Session, kind: Kind, old: str | None, *, new: str) -> None:
    """The catalog refers to another artifact from now on; the old one was wanted until this moment."""
    if old is not None and old != new:
        note_wanted(session, kind, old)


def hold_unwanted(session: Session, kind: Kind, digest: str, *, seen: datetime) -> bool:
    """Let whoever wants the artifact wait to the end of this transaction, whose first statement this must be.

    False when it has been wanted since it was ``seen`` to be wanted last.
    """
    unwanted = Wanted.kind == kind, Wanted.digest == digest, Wanted.wanted_at <= seen
    if n_changed(session.execute(update(Wanted).where(*unwanted).values(wanted_at=seen))):
        return True
    return bool(n_changed(session.execute(_BEGIN, {"kind": kind.value, "digest": digest, "wanted_at": seen})))


def forget_wanted(session: Session, kind: Kind, digest: str) -> None:
    """The artifact is no more."""
    session.execute(delete(Wanted).where(Wanted.kind == kind, Wanted.digest == digest))


class WantedNotes:
    """The ``Notes`` of artifacts, kept in the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def want(self, kind: Kind, digest: str) -> None:
        """Note it in a transaction of its own."""
        with self._catalog.session() as session:
            note_wanted(session, kind, digest)
