"""The collector: looks for what a store does not need, and removes it while others work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from store.artifacts import Artifact, Artifacts, Leftover
from store.artifacts.leftovers import UPLOAD
from store.catalog.collections import list_collections
from store.catalog.dictionaries import list_dictionaries
from store.catalog.jobs import list_unfinished
from store.catalog.session import Catalog
from store.catalog.wanted import forget_wanted, hold_unwanted, list_references, list_wanted
from store.errors import Damaged, NotFound
from store.retention import Kept, Need, Unneeded, find_needed, unneeded
from store.vocabulary import Kind
from worker.job_needs import needs_of

Address = tuple[Kind, str]


class Collector:
    """Over one store. Looking changes nothing, and is no wanting: the artifacts are those without notes."""

    def __init__(self, artifacts: Artifacts, catalog: Catalog) -> None:
        self._artifacts, self._catalog = artifacts, catalog

    def look(self, *, grace: timedelta, activations: bool = True, now: datetime | None = None) -> list[Unneeded]:
        """What may go. Raises ``Damaged`` when something that is needed does not say what it was made from.

        The catalog is asked after the artifacts, so that what is made meanwhile is either not seen or known to be new.
        """
        now = now or datetime.now(UTC)
        artifacts, unreadable = self._read()
        leftovers = self._artifacts.leftovers()
        with self._catalog.session() as session:
            referred, noted = list_references(session), list_wanted(session)
            jobs = list_unfinished(session, failed_since=now - grace)
            collections = {row.slug: row.digest for row in list_collections(session)}
            dictionaries = {row.slug: row.digest for row in list_dictionaries(session, with_atlas=False)}
        named = needs_of(jobs, artifacts, collections=collections, dictionaries=dictionaries)
        building = self._artifacts.building_since()
        need = Need(
            digests=named.digests.union(*referred.values()),
            keys=named.keys,
            working_since=min([job.created_at for job in jobs] + ([building] if building else []), default=None),
            now=now,
            grace=grace,
            activations=activations,
        )
        kept = [_kept(artifact, noted) for artifact in artifacts]
        _check(unreadable, kept, need)
        return unneeded(kept, [_last_wanted(one, noted) for one in leftovers], need)

    def remove(self, found: Iterable[Unneeded]) -> list[Unneeded]:
        """Remove what was found, unless it has been wanted since; gives what was removed.

        What needs no word with the catalog goes first: on a disk that is full nothing can be written before.
        """
        removed = []
        for one in sorted(found, key=lambda one: _address(one) is not None):
            if self._is_removed(one):
                removed.append(one)
            self._artifacts.empty_trash()
        return removed

    def _is_removed(self, one: Unneeded) -> bool:
        address = _address(one)
        if address is None:
            assert isinstance(one.thing, Leftover)
            while not self._artifacts.withdraw(one.thing):
                pass
            return True
        try:
            thing = one.thing if isinstance(one.thing, Leftover) else self._artifacts.get(*address)
        except NotFound:  # another collector was faster
            return False
        while (is_done := self._step(address, thing, seen=one.since)) is False:
            pass
        return bool(is_done)

    def _step(self, address: Address, thing: Artifact | Leftover, *, seen: datetime) -> bool | None:
        """One step of a removal, for which those wait who want the artifact; None when it stays."""
        kind, digest = address
        with self._catalog.session() as session:
            if not hold_unwanted(session, kind, digest, seen=seen) or digest in list_references(session)[kind]:
                return None
            is_done = self._artifacts.withdraw(thing)
            if is_done:
                forget_wanted(session, kind, digest)
        return is_done

    def _read(self) -> tuple[list[Artifact], dict[str, Damaged]]:
        """All artifacts, and the faults of those whose manifest is damaged."""
        artifacts, unreadable = [], {}
        for kind in Kind:
            for artifact in self._artifacts.list(kind):
                try:
                    assert artifact.manifest
                    artifacts.append(artifact)
                except Damaged as fault:
                    unreadable[artifact.digest] = fault
                except NotFound:  # another collector has just removed it
                    continue
        return artifacts, unreadable


def _address(one: Unneeded) -> Address | None:
    """Kind and digest of what a builder may ask for at this moment; none of what stands under no digest."""
    if isinstance(one.thing, Kept):
        return one.thing.kind, one.thing.digest
    return (one.thing.kind, one.thing.address) if one.thing.what == UPLOAD else None


def _kept(artifact: Artifact, noted: Mapping[Address, datetime]) -> Kept:
    manifest = artifact.manifest
    return Kept(
        kind=manifest.kind,
        digest=artifact.digest,
        inputs=frozenset(manifest.inputs.values()),
        n_bytes=sum(entry.n_bytes for entry in manifest.files.values()),
        wanted_at=max(manifest.created_at, noted.get((manifest.kind, artifact.digest), manifest.created_at)),
    )


def _last_wanted(one: Leftover, noted: Mapping[Address, datetime]) -> Leftover:
    """Files of an upload are as young as the wish for their artifact."""
    wanted_at = noted.get((one.kind, one.address)) if one.what == UPLOAD else None
    return one if wanted_at is None else replace(one, changed_at=max(one.changed_at, wanted_at))


def _check(unreadable: Mapping[str, Damaged], kept: Sequence[Kept], need: Need) -> None:
    """Raise ``Damaged`` when an artifact is needed of which it is not known what else it needs."""
    needed = find_needed(kept, need)
    wanted = need.digests.union(*(one.inputs for one in kept if one.digest in needed))
    for digest, fault in unreadable.items():
        if digest in wanted:
            raise fault
