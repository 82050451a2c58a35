"""Workers in the catalog: who lives, and who was lost."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from store.catalog.runs import n_changed
from store.catalog.tables import Worker
from store.vocabulary import WorkerState


@dataclass(frozen=True)
class WorkerFacts:
    """What a worker tells of itself when it starts."""

    name: str
    session: str
    host: str
    pid: int
    device: str
    queues: str


def register_worker(session: Session, facts: WorkerFacts) -> None:
    """A worker begins a life; an earlier one under the same name is over."""
    row = session.get(Worker, facts.name) or Worker(name=facts.name)
    row.session, row.host, row.pid = facts.session, facts.host, facts.pid
    row.device, row.queues, row.state = facts.device, facts.queues, WorkerState.ALIVE
    row.beat, row.started_at, row.seen_at = 0, datetime.now(UTC), datetime.now(UTC)
    session.add(row)
    session.flush()


def beat(session: Session, facts: WorkerFacts) -> bool:
    """Show a sign of life; False when this life has been declared over."""
    ours = Worker.name == facts.name, Worker.session == facts.session, Worker.state == WorkerState.ALIVE
    shown = session.execute(update(Worker).where(*ours).values(beat=Worker.beat + 1, seen_at=datetime.now(UTC)))
    return bool(n_changed(shown))


def list_workers(session: Session) -> list[Worker]:
    """All workers ever seen, by name."""
    return list(session.scalars(select(Worker).order_by(Worker.name)))


def declare_lost(session: Session, name: str, *, worker_session: str, beat_seen: int) -> bool:
    """Declare a worker lost, unless it has shown a sign of life since ``beat_seen``; True when it is done."""
    silent = Worker.name == name, Worker.session == worker_session, Worker.beat == beat_seen
    lost = session.execute(
        update(Worker).where(*silent, Worker.state == WorkerState.ALIVE).values(state=WorkerState.LOST)
    )
    return bool(n_changed(lost))


def stop_worker(session: Session, facts: WorkerFacts) -> None:
    """A worker ends as planned and leaves its jobs to others."""
    ours = Worker.name == facts.name, Worker.session == facts.session
    session.execute(update(Worker).where(*ours).values(state=WorkerState.STOPPED, seen_at=datetime.now(UTC)))


def is_alive(session: Session, worker_session: str) -> bool:
    """Whether the life with this session goes on, as far as is known."""
    living = Worker.session == worker_session, Worker.state == WorkerState.ALIVE
    return session.scalar(select(Worker.name).where(*living)) is not None


def is_lost(session: Session, worker_session: str) -> bool:
    """Whether the life with this session is known to be over."""
    over = Worker.session == worker_session, Worker.state != WorkerState.ALIVE
    return session.scalar(select(Worker.name).where(*over)) is not None
