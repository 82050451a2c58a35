"""Models, collections, dictionaries and atlases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("slug", name="uq_model_slug"),
    )
    op.create_table(
        "collection",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("folder", sa.String(4096), nullable=True),
        sa.Column("n_images", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.UniqueConstraint("slug", name="uq_collection_slug"),
    )
    op.create_table(
        "dictionary",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("layer", sa.String(120), nullable=False),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("n_concepts", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.UniqueConstraint("slug", name="uq_dictionary_slug"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_dictionary_model_id_model"),
        sa.ForeignKeyConstraint(["collection_id"], ["collection.id"], name="fk_dictionary_collection_id_collection"),
    )
    op.create_table(
        "atlas",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("dictionary_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("headline", sa.JSON(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.UniqueConstraint("dictionary_id", name="uq_atlas_dictionary_id"),
        sa.ForeignKeyConstraint(["dictionary_id"], ["dictionary.id"], name="fk_atlas_dictionary_id_dictionary"),
    )


def downgrade() -> None:
    for table in ("atlas", "dictionary", "collection", "model"):
        op.drop_table(table)
