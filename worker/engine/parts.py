"""The shards of a job's extraction in the catalog, where every worker sees them."""

from collections.abc import Sequence

from store.catalog.parts import close_parts, finish_part, list_left, open_parts, reopen_part, take_part
from store.catalog.session import Catalog


class JobParts:
    """The shards of a job's extraction, of which every worker takes some."""

    def __init__(self, catalog: Catalog, job_id: int, *, worker_session: str) -> None:
        self._catalog, self._job_id, self._session = catalog, job_id, worker_session

    def open(self, shards: Sequence[int]) -> None:
        """Offer them to all."""
        with self._catalog.session() as session:
            open_parts(session, self._job_id, shards)

    def take(self) -> int | None:
        """One that is free, now ours."""
        with self._catalog.session() as session:
            return take_part(session, self._job_id, worker_session=self._session)

    def finish(self, shard: int) -> None:
        """It is made; that another worker has made it, too, does not matter."""
        with self._catalog.session() as session:
            finish_part(session, self._job_id, shard, worker_session=self._session)

    def reopen(self, shard: int) -> None:
        """It has to be made again."""
        with self._catalog.session() as session:
            reopen_part(session, self._job_id, shard)

    def left(self) -> set[int]:
        """Those that are not made."""
        with self._catalog.session() as session:
            left = list_left(session, self._job_id)
            if not left:
                close_parts(session, self._job_id)
            return left
