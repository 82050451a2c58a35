"""The catalog's tables. The schema is built only by the migrations; a test fails when the two differ."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from store.catalog.base import Base, now


class Model(Base):
    """A vision backbone that has been used."""

    __tablename__ = "model"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    dictionaries: Mapped[list["Dictionary"]] = relationship(back_populates="model")


class Collection(Base):
    """A set of images; ``digest`` names its current build, ``folder`` where the photos were last seen."""

    __tablename__ = "collection"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    folder: Mapped[str | None] = mapped_column(String(4096))
    n_images: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Dictionary(Base):
    """A trained dictionary."""

    __tablename__ = "dictionary"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    collection_id: Mapped[int] = mapped_column(ForeignKey("collection.id"))
    layer: Mapped[str] = mapped_column(String(120))
    method: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(64))
    n_concepts: Mapped[int]
    spec: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    model: Mapped[Model] = relationship(back_populates="dictionaries")
    collection: Mapped[Collection] = relationship()
    atlas: Mapped["Atlas | None"] = relationship(back_populates="dictionary")


class Atlas(Base):
    """The atlas that a dictionary shows now; switched in one transaction when a new one is built."""

    __tablename__ = "atlas"
    id: Mapped[int] = mapped_column(primary_key=True)
    dictionary_id: Mapped[int] = mapped_column(ForeignKey("dictionary.id"), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    headline: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    dictionary: Mapped[Dictionary] = relationship(back_populates="atlas")


class Comparison(Base):
    """What was measured between two dictionaries; the smaller digest is the first."""

    __tablename__ = "comparison"
    __table_args__ = (UniqueConstraint("first_digest", "second_digest"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    first_digest: Mapped[str] = mapped_column(String(64))
    second_digest: Mapped[str] = mapped_column(String(64))
    values: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Alignment(Base):
    """The alignment of two dictionaries that is shown now; the smaller digest is the first, side a of its file."""

    __tablename__ = "alignment"
    __table_args__ = (UniqueConstraint("first_digest", "second_digest"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    first_digest: Mapped[str] = mapped_column(String(64))
    second_digest: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    headline: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class Job(Base):
    """A durable request and how it stands. ``owner`` is the session of the worker that runs it: only it may write.

    ``handed_attempt`` is the last attempt that a worker put into the engine's queue.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("parent_id", "place"),
        Index("ix_job_state_id", "state", "id"),
        Index("ix_job_kind_state", "kind", "state", "queued_at", "rate"),
        Index("ix_job_started_at", "started_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(300))
    spec: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20), default="queued")
    attempt: Mapped[int] = mapped_column(default=1)
    handed_attempt: Mapped[int] = mapped_column(default=0)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    place: Mapped[int | None]
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    created_by: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(default=now)
    queued_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(String(64))
    worker: Mapped[str | None] = mapped_column(String(120))
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    note: Mapped[str] = mapped_column(String(300), default="")
    rate: Mapped[float | None]
    eta_s: Mapped[float | None]
    peak_bytes: Mapped[int | None] = mapped_column(BigInteger)
    progress_at: Mapped[datetime | None]
    failure: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]


class JobStep(Base):
    """A part of a job's run, with its times; a run that was taken over goes on with the same rows."""

    __tablename__ = "job_step"
    __table_args__ = (UniqueConstraint("job_id", "attempt", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class JobLog(Base):
    """A line of a job's log."""

    __tablename__ = "job_log"
    __table_args__ = (Index("ix_job_log_job_id_id", "job_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=now)
    level: Mapped[str] = mapped_column(String(10))
    worker: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(Text)


class Claim(Base):
    """A part of a job that one of several workers has taken on; ``session`` is that worker's."""

    __tablename__ = "claim"
    __table_args__ = (UniqueConstraint("job_id", "part"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"))
    part: Mapped[int]
    session: Mapped[str] = mapped_column(String(64))
    is_done: Mapped[bool] = mapped_column(default=False)


class Worker(Base):
    """A worker process: ``beat`` grows while it lives. ``session`` is new with each start and after each loss."""

    __tablename__ = "worker"
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    session: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10), default="alive")
    beat: Mapped[int] = mapped_column(BigInteger, default=0)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    device: Mapped[str] = mapped_column(String(60))
    queues: Mapped[str] = mapped_column(String(120))
    started_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)


class Wanted(Base):
    """When an artifact was last found, published or referred to; whoever removes one holds its row meanwhile."""

    __tablename__ = "wanted"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    wanted_at: Mapped[datetime]


class Analysis(Base):
    """A visitor's photo that was explained: seen by who knows ``public_id``, until it expires. Files lie apart."""

    __tablename__ = "analysis"
    __table_args__ = (Index("ix_analysis_expires_at", "expires_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    result: Mapped[dict[str, Any]]


class Label(Base):
    """What somebody calls a concept. It belongs to the dictionary, not to an atlas; a removed one keeps its history.

    ``noted`` is the dictionary's annotation revision at the last change, votes among them.
    """

    __tablename__ = "label"
    __table_args__ = (
        Index("ix_label_dictionary_concept", "dictionary", "concept"),
        Index("ix_label_dictionary_noted", "dictionary", "noted"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    dictionary: Mapped[str] = mapped_column(String(64))
    concept: Mapped[int]
    text: Mapped[str] = mapped_column(String(120))
    author: Mapped[str] = mapped_column(String(80))
    source: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(default=now)
    edited_at: Mapped[datetime] = mapped_column(default=now)
    revision: Mapped[int] = mapped_column(default=1)
    is_removed: Mapped[bool] = mapped_column(default=False)
    noted: Mapped[int] = mapped_column(BigInteger)


class LabelText(Base):
    """A label at one of its revisions; no text where it was removed."""

    __tablename__ = "label_text"
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str | None] = mapped_column(String(120))
    author: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]


class Vote(Base):
    """1 for or -1 against a label as it was at a revision; it counts while the label is at that revision."""

    __tablename__ = "vote"
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id", ondelete="CASCADE"), primary_key=True)
    author: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[int]
    revision: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=now)


class LabelTest(Base):
    """A blind test of a label as it was at a revision; open until ``answered_at``.

    ``drawn`` has the photos in the order in which they were shown and what was chosen; none where it was brought in.
    """

    __tablename__ = "label_test"
    __table_args__ = (Index("ix_label_test_label_id", "label_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id", ondelete="CASCADE"))
    revision: Mapped[int]
    author: Mapped[str] = mapped_column(String(80))
    started_at: Mapped[datetime] = mapped_column(default=now)
    answered_at: Mapped[datetime | None]
    n_hits: Mapped[int | None]
    drawn: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Comment(Base):
    """What somebody says of a concept."""

    __tablename__ = "comment"
    __table_args__ = (Index("ix_comment_dictionary_concept", "dictionary", "concept"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    dictionary: Mapped[str] = mapped_column(String(64))
    concept: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(default=now)


class ConceptList(Base):
    """A list of concepts, of any dictionaries. ``revision`` counts changes of title and note, not of its members."""

    __tablename__ = "concept_list"
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text, default="")
    author: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(default=now)
    edited_at: Mapped[datetime] = mapped_column(default=now)
    revision: Mapped[int] = mapped_column(default=1)


class ListItem(Base):
    """A concept on a list; ``position`` orders them, ``revision`` counts the changes of its note."""

    __tablename__ = "list_item"
    list_id: Mapped[int] = mapped_column(ForeignKey("concept_list.id", ondelete="CASCADE"), primary_key=True)
    dictionary: Mapped[str] = mapped_column(String(64), primary_key=True)
    concept: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int]
    author: Mapped[str] = mapped_column(String(80))
    added_at: Mapped[datetime] = mapped_column(default=now)
    revision: Mapped[int] = mapped_column(default=1)


class AnnotationRevision(Base):
    """How often the annotations of a dictionary (by its digest) were written, or the lists (``lists``)."""

    __tablename__ = "annotation_revision"
    scope: Mapped[str] = mapped_column(String(64), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)


class ApiToken(Base):
    """Who may do what: the secret itself is shown once and never kept."""

    __tablename__ = "api_token"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    scopes: Mapped[str] = mapped_column(String(120))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class BrowserSession(Base):
    """A browser that was signed in by a token; it may what the token may, as long as the token may."""

    __tablename__ = "browser_session"
    __table_args__ = (Index("ix_browser_session_token_id", "token_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(16), unique=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
