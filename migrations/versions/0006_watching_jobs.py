"""Indexes by which figures of jobs are read without reading every job."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_job_kind_state", "job", ["kind", "state", "queued_at", "rate"])
    op.create_index("ix_job_started_at", "job", ["started_at"])


def downgrade() -> None:
    op.drop_index("ix_job_started_at", "job")
    op.drop_index("ix_job_kind_state", "job")
