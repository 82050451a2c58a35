"""Labels with their history and votes, comments, lists."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "label",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("dictionary", sa.String(64), nullable=False),
        sa.Column("concept", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(120), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("is_removed", sa.Boolean(), nullable=False),
        sa.Column("noted", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("uid", name="uq_label_uid"),
    )
    op.create_index("ix_label_dictionary_concept", "label", ["dictionary", "concept"])
    op.create_index("ix_label_dictionary_noted", "label", ["dictionary", "noted"])
    op.create_table(
        "label_text",
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(120)),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("label_id", "revision", name="pk_label_text"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_label_text_label_id_label", ondelete="CASCADE"),
    )
    op.create_table(
        "vote",
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("label_id", "author", name="pk_vote"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name="fk_vote_label_id_label", ondelete="CASCADE"),
    )
    op.create_table(
        "comment",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("dictionary", sa.String(64), nullable=False),
        sa.Column("concept", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("uid", name="uq_comment_uid"),
    )
    op.create_index("ix_comment_dictionary_concept", "comment", ["dictionary", "concept"])
    op.create_table(
        "concept_list",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.UniqueConstraint("uid", name="uq_concept_list_uid"),
    )
    op.create_table(
        "list_item",
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("dictionary", sa.String(64), nullable=False),
        sa.Column("concept", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "dictionary", "concept", name="pk_list_item"),
        sa.ForeignKeyConstraint(
            ["list_id"], ["concept_list.id"], name="fk_list_item_list_id_concept_list", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "annotation_revision",
        sa.Column("scope", sa.String(64), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    for name in ("annotation_revision", "list_item", "concept_list"):
        op.drop_table(name)
    op.drop_index("ix_comment_dictionary_concept", "comment")
    op.drop_table("comment")
    for name in ("vote", "label_text"):
        op.drop_table(name)
    op.drop_index("ix_label_dictionary_noted", "label")
    op.drop_index("ix_label_dictionary_concept", "label")
    op.drop_table("label")
