"""The catalog's tables. The schema is built only by the migrations; a test fails when the two differ."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of all catalog rows; constraints are named, so that migrations can change them."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 SQLAlchemy reads it from the class
        dict[str, Any]: JSON,
        datetime: DateTime(timezone=True),
    }


class Model(Base):
    """A vision backbone that has been used."""

    __tablename__ = "model"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=_now)
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
    created_at: Mapped[datetime] = mapped_column(default=_now)
    updated_at: Mapped[datetime] = mapped_column(default=_now, onupdate=_now)


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
    created_at: Mapped[datetime] = mapped_column(default=_now)
    updated_at: Mapped[datetime] = mapped_column(default=_now, onupdate=_now)
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
    created_at: Mapped[datetime] = mapped_column(default=_now)
    updated_at: Mapped[datetime] = mapped_column(default=_now, onupdate=_now)
    dictionary: Mapped[Dictionary] = relationship(back_populates="atlas")


class Comparison(Base):
    """What was measured between two dictionaries; the smaller digest is the first."""

    __tablename__ = "comparison"
    __table_args__ = (UniqueConstraint("first_digest", "second_digest"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    first_digest: Mapped[str] = mapped_column(String(64))
    second_digest: Mapped[str] = mapped_column(String(64))
    values: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=_now)
