"""What the store is told about the run that builds: who it is, who is gone, and whether it may still publish."""

from store.catalog.runs import hold
from store.catalog.session import Catalog, CatalogUnavailable
from store.catalog.workers import is_lost
from worker.engine.telling import Teller


class RunGuard:
    """The ``Guard`` of one run."""

    def __init__(self, catalog: Catalog, teller: Teller) -> None:
        self._catalog, self._teller = catalog, teller

    @property
    def holder(self) -> str:
        """The session of the worker's present life."""
        return self._teller.run.owner

    def is_lost(self, holder: str) -> bool:
        """Whether that life is over as far as the catalog knows; not when it cannot be asked."""
        try:
            with self._catalog.session() as session:
                return is_lost(session, holder)
        except CatalogUnavailable:
            return False

    def waiting(self, what: str) -> None:
        """Tell what is waited for; raises what should end the run."""
        self._teller.tell(0, 1, f"waiting: {what}")

    def check(self) -> None:
        """Raises ``Outlived`` when the run is not ours any more."""
        with self._catalog.session() as session:
            hold(session, self._teller.run)
