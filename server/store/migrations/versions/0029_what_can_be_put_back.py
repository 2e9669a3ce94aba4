"""What we removed and can put back: sealed values, each under the key of its case."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_STATES = "'kept', 'ready', 'calling', 'checking', 'there', 'taken_out'"


def upgrade() -> None:
    op.create_table(
        "put_back",
        sa.Column("place_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identifier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("removed_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_until", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_by", sa.Text(), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("accepted_version", sa.BigInteger(), nullable=True),
        sa.Column("entry_key", sa.LargeBinary(length=32), nullable=True),
        sa.CheckConstraint("(state = 'calling') = (lease_by IS NOT NULL)", name=op.f("ck_put_back_lease")),
        sa.CheckConstraint("(state = 'checking') = (accepted_version IS NOT NULL)", name=op.f("ck_put_back_accepted")),
        sa.CheckConstraint("(state = 'there') = (sealed IS NULL)", name=op.f("ck_put_back_destroyed")),
        sa.CheckConstraint("(state IN ('ready', 'calling')) = (next_at IS NOT NULL)", name=op.f("ck_put_back_next")),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_put_back_state")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_put_back_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["identifier_id"], ["identifier.id"], name=op.f("fk_put_back_identifier_id")
        ),
        sa.ForeignKeyConstraint(
            ["place_id"], ["place.id"], name=op.f("fk_put_back_place_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_put_back_worker_id")),
        sa.PrimaryKeyConstraint("place_id", "identifier_id", name=op.f("pk_put_back")),
    )
    op.create_index("ix_put_back_worker_id", "put_back", ["worker_id", "identifier_id"], unique=False)
    op.create_index("ix_put_back_case_id", "put_back", ["case_id"], unique=False)
    for name in ("due_at", "next_at"):
        some = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_put_back_{name}", "put_back", [name], unique=False, sqlite_where=some, postgresql_where=some
        )
