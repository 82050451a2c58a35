"""Keeps analyses: room is checked before, what has expired goes, what nobody knows of goes, too."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from store.analyses.files import FOLDER, ID, AnalysisFiles, new_id
from store.analyses.result import AnalysisResult, Codes
from store.catalog.analyses import (
    find_analysis,
    forget_analyses,
    list_expired,
    list_kept,
    save_analysis,
    take_room,
)
from store.catalog.session import Catalog
from store.errors import NotFound, Unavailable
from store.settings import Settings

log = logging.getLogger(__name__)

_STRAY_AFTER_S: Final = 600.0
"""Files without a row are those of a program that ended while it wrote."""


class NoRoom(Unavailable):
    """As much is kept as may be."""


class Analysis:
    """One that is there: who asked for it knows its id."""

    def __init__(self, public_id: str, result: AnalysisResult, *, created_at: datetime, expires_at: datetime) -> None:
        self.public_id, self.result = public_id, result
        self.created_at, self.expires_at = created_at, expires_at


class Keeper:
    """Analyses of one store. Safe between threads."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self.files = AnalysisFiles(settings.analyses_dir or settings.store / FOLDER)
        self._catalog, self._kept = catalog, timedelta(seconds=settings.analysis_kept_s)
        self._max, self._bytes_max = settings.analyses_max, int(settings.analyses_bytes)

    def check_room(self, *, now: datetime | None = None) -> None:
        """Raise ``NoRoom`` when no more may be kept, after letting go what has expired."""
        if self._is_full():
            self.sweep(now=now)
            if self._is_full():
                raise NoRoom(
                    "As many photos of visitors are kept here as may be. Try again later: each is deleted after "
                    f"{self._kept.total_seconds() / 3600:.3g} hours, sooner where its owner says so."
                )

    def keep(
        self,
        result: AnalysisResult,
        *,
        photo: bytes,
        codes: Sequence[Sequence[Codes]],
        now: datetime | None = None,
    ) -> str:
        """Write one; gives its new id."""
        public_id, now = new_id(), now or datetime.now(UTC)
        n_bytes = self.files.save(public_id, photo=photo, codes=codes)
        try:
            with self._catalog.session() as session:
                save_analysis(
                    session,
                    public_id,
                    result=result.model_dump(mode="json"),
                    n_bytes=n_bytes,
                    created_at=now,
                    expires_at=now + self._kept,
                )
        except BaseException:
            self.files.remove(public_id)
            raise
        return public_id

    def get(self, public_id: str, *, now: datetime | None = None) -> Analysis:
        """One that has not expired; raises ``NotFound``, the same for one that never was."""
        row = None
        if ID.fullmatch(public_id):
            with self._catalog.session() as session:
                row = find_analysis(session, public_id, now=now or datetime.now(UTC))
        if row is None:
            raise NotFound("analysis", "…", remedy="It has been deleted, or its time was over, or it never was here.")
        result = AnalysisResult.model_validate(row.result)
        return Analysis(public_id, result, created_at=row.created_at, expires_at=row.expires_at)

    def delete(self, public_id: str) -> None:
        """Remove one for good; files first, so that no photo outlives the word that it is gone."""
        self.files.remove(public_id)
        with self._catalog.session() as session:
            forget_analyses(session, [public_id])

    def sweep(self, *, now: datetime | None = None) -> int:
        """Remove what has expired, and files that no row tells of; how many."""
        expired, stray = self._going(now or datetime.now(UTC))
        for public_id in (*expired, *stray):
            self.files.remove(public_id)
        with self._catalog.session() as session:
            forget_analyses(session, expired)
        if expired or stray:
            log.info("%d analyses had expired and were deleted", len(expired) + len(stray))
        return len(expired) + len(stray)

    def n_expired(self, *, now: datetime | None = None) -> int:
        """How many ``sweep`` would remove."""
        return sum(len(some) for some in self._going(now or datetime.now(UTC)))

    def _going(self, now: datetime) -> tuple[list[str], list[str]]:
        with self._catalog.session() as session:
            expired = list_expired(session, now=now)
        lying = list(self.files.ids())  # before the rows are read: what is written meanwhile has both
        with self._catalog.session() as session:
            kept = list_kept(session)
        oldest = now.timestamp() - _STRAY_AFTER_S
        return expired, [name for name, changed_at in lying if name not in kept and changed_at < oldest]

    def _is_full(self) -> bool:
        with self._catalog.session() as session:
            room = take_room(session)
        return room.n >= self._max or room.n_bytes >= self._bytes_max
