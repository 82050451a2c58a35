"""Jobs with their steps, logs and claims; workers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def _job_id() -> sa.Column[int]:
    return sa.Column("job_id", sa.Integer(), sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("handed_attempt", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), sa.ForeignKey("job.id", name="fk_job_parent_id_job", ondelete="CASCADE")),
        sa.Column("place", sa.Integer()),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("created_by", sa.String(120)),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("queued_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("cancel_requested_at", _MOMENT),
        sa.Column("owner", sa.String(64)),
        sa.Column("worker", sa.String(120)),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        sa.Column("rate", sa.Double()),
        sa.Column("eta_s", sa.Double()),
        sa.Column("peak_bytes", sa.BigInteger()),
        sa.Column("progress_at", _MOMENT),
        sa.Column("failure", sa.JSON()),
        sa.Column("result", sa.JSON()),
        sa.UniqueConstraint("parent_id", "place", name="uq_job_parent_id"),
        sa.UniqueConstraint("idempotency_key", name="uq_job_idempotency_key"),
    )
    op.create_index("ix_job_state_id", "job", ["state", "id"])
    op.create_table(
        "job_step",
        sa.Column("id", sa.Integer(), primary_key=True),
        _job_id(),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.UniqueConstraint("job_id", "attempt", "name", name="uq_job_step_job_id"),
    )
    op.create_table(
        "job_log",
        sa.Column("id", sa.Integer(), primary_key=True),
        _job_id(),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("level", sa.String(10), nullable=False),
        sa.Column("worker", sa.String(120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_index("ix_job_log_job_id_id", "job_log", ["job_id", "id"])
    op.create_table(
        "claim",
        sa.Column("id", sa.Integer(), primary_key=True),
        _job_id(),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(64), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("job_id", "part", name="uq_claim_job_id"),
    )
    op.create_table(
        "worker",
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("session", sa.String(64), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(60), nullable=False),
        sa.Column("queues", sa.String(120), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
    )


def downgrade() -> None:
    for table in ("worker", "claim", "job_log", "job_step", "job"):
        op.drop_table(table)
