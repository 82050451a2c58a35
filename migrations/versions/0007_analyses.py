"""Photos of visitors that were explained."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analysis",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("public_id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.UniqueConstraint("public_id", name="uq_analysis_public_id"),
    )
    op.create_index("ix_analysis_expires_at", "analysis", ["expires_at"])


def downgrade() -> None:
    op.drop_index("ix_analysis_expires_at", "analysis")
    op.drop_table("analysis")
