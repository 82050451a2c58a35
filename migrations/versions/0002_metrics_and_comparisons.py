"""Spec and metrics of a dictionary; what was measured between two dictionaries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dictionary") as table:
        table.add_column(sa.Column("spec", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("metrics", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "comparison",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("first_digest", sa.String(64), nullable=False),
        sa.Column("second_digest", sa.String(64), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("first_digest", "second_digest", name="uq_comparison_first_digest"),
    )


def downgrade() -> None:
    op.drop_table("comparison")
    with op.batch_alter_table("dictionary") as table:
        table.drop_column("metrics")
        table.drop_column("spec")
