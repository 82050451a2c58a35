"""Whether this machine's worker lives, as others see it: for health checks."""

from datetime import UTC, datetime
from socket import gethostname

from store.catalog.looking import looking
from store.catalog.tables import Worker
from store.catalog.workers import list_workers
from store.errors import Unavailable
from store.settings import Settings
from store.vocabulary import WorkerState


def check_alive(settings: Settings, *, now: datetime | None = None) -> Worker:
    """The worker of the settings' name, or any of this host, that has shown a sign of life lately.

    Raises ``Unavailable`` when there is none, or when the catalog does not answer.
    """
    host, moment = gethostname(), now or datetime.now(UTC)
    with looking(settings.catalog_url) as session:
        ours = [one for one in list_workers(session) if _is_meant(one, settings.worker_name, host=host)]
    for one in ours:
        if one.state == WorkerState.ALIVE and (moment - one.seen_at).total_seconds() < settings.lost_after_s:
            return one
    whom = f"The worker '{settings.worker_name}'" if settings.worker_name else f"No worker of the host '{host}'"
    raise Unavailable(
        f"{whom} has {'not ' if settings.worker_name else ''}shown a sign of life for {settings.lost_after_s:g} s. "
        "Look at its log; start it again with `conceptoscope worker`."
    )


def _is_meant(one: Worker, name: str | None, *, host: str) -> bool:
    return one.name == name if name else one.host == host
