"""What workers state of places nobody can see, and when they were reminded of it."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_PLACES = "'phone_book', 'sim', 'call_list', 'whatsapp', 'personal_cloud', 'paper'"
_NUMBERED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "attestation",
        sa.Column("id", _NUMBERED, nullable=False),
        sa.Column("worker_id", _NUMBERED, nullable=False),
        sa.Column("case_id", _NUMBERED, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"place IN ({_PLACES})", name=op.f("ck_attestation_place")),
        sa.CheckConstraint("answer IN ('done', 'not_there', 'cannot')", name=op.f("ck_attestation_answer")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_attestation_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_attestation_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestation")),
    )
    op.create_index("ix_attestation_worker_id", "attestation", ["worker_id", "case_id"], unique=False)
    op.create_index("ix_attestation_said_at", "attestation", ["said_at"], unique=False)
    op.create_table(
        "attestation_reminder",
        sa.Column("worker_id", _NUMBERED, nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["worker.id"], name=op.f("fk_attestation_reminder_worker_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_attestation_reminder")),
    )
