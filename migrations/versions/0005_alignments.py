"""Alignments of two dictionaries."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alignment",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("first_digest", sa.String(64), nullable=False),
        sa.Column("second_digest", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("headline", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("first_digest", "second_digest", name="uq_alignment_first_digest"),
    )


def downgrade() -> None:
    op.drop_table("alignment")
