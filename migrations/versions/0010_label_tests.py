"""Blind tests of labels: which photos were drawn, which were chosen, how many were right."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "label_test",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("n_hits", sa.Integer()),
        sa.Column("drawn", sa.JSON()),
        sa.UniqueConstraint("uid", name="uq_label_test_uid"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_label_test_label_id_label", ondelete="CASCADE"),
    )
    op.create_index("ix_label_test_label_id", "label_test", ["label_id"])


def downgrade() -> None:
    op.drop_index("ix_label_test_label_id", "label_test")
    op.drop_table("label_test")
