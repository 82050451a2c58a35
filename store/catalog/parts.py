"""Parts of a job that several workers share: open, taken by a session, done. A lost worker's are free again."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from store.catalog.runs import n_changed
from store.catalog.tables import Claim, Job, Worker
from store.vocabulary import JobState, WorkerState

FREE = ""
"""Session of a part that nobody has taken."""


def open_parts(session: Session, job_id: int, parts: Sequence[int]) -> None:
    """Offer parts of a job to all workers; what was known of the job's parts is forgotten."""
    session.execute(delete(Claim).where(Claim.job_id == job_id))
    if parts:
        rows = [{"job_id": job_id, "part": part, "session": FREE, "is_done": False} for part in parts]
        session.execute(insert(Claim), rows)


def take_part(session: Session, job_id: int, *, worker_session: str) -> int | None:
    """The first part that is free becomes this worker's; None when none is."""
    free = select(Claim.id, Claim.part, Claim.session).where(Claim.job_id == job_id, _is_free()).order_by(Claim.part)
    while (row := session.execute(free.limit(1)).first()) is not None:
        unchanged = Claim.id == row.id, Claim.session == row.session, Claim.is_done.is_(False)
        if n_changed(session.execute(update(Claim).where(*unchanged).values(session=worker_session))):
            return int(row.part)
    return None


def finish_part(session: Session, job_id: int, part: int, *, worker_session: str) -> bool:
    """The part is done; False when it has been taken from this worker."""
    ours = Claim.job_id == job_id, Claim.part == part, Claim.session == worker_session
    return bool(n_changed(session.execute(update(Claim).where(*ours).values(is_done=True))))


def reopen_part(session: Session, job_id: int, part: int) -> None:
    """The part has to be done again, by whoever is free."""
    one = Claim.job_id == job_id, Claim.part == part
    session.execute(update(Claim).where(*one).values(is_done=False, session=FREE))


def list_left(session: Session, job_id: int) -> set[int]:
    """Parts that are not done."""
    return set(session.scalars(select(Claim.part).where(Claim.job_id == job_id, Claim.is_done.is_(False))))


def find_open_job(session: Session, *, worker_session: str) -> Job | None:
    """The oldest job that another worker runs and that has a free part."""
    query = select(Job).join(Claim, Claim.job_id == Job.id).where(_is_free())
    elsewhere = Job.state == JobState.RUNNING, Job.owner != worker_session, Job.cancel_requested_at.is_(None)
    return session.scalars(query.where(*elsewhere).order_by(Job.id).limit(1)).first()


def release_parts(session: Session, *, worker_session: str) -> None:
    """Let others take what this worker has begun for other workers' jobs and not finished."""
    own_jobs = select(Job.id).where(Job.owner == worker_session)
    begun = Claim.session == worker_session, Claim.is_done.is_(False), Claim.job_id.not_in(own_jobs)
    session.execute(update(Claim).where(*begun).values(session=FREE))


def close_parts(session: Session, job_id: int) -> None:
    """The job needs nobody any more."""
    session.execute(delete(Claim).where(Claim.job_id == job_id))


def _is_free() -> ColumnElement[bool]:
    living = select(Worker.session).where(Worker.state == WorkerState.ALIVE)
    return Claim.is_done.is_(False) & or_(Claim.session == FREE, Claim.session.not_in(living))
