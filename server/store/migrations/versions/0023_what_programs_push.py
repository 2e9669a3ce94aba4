"""Programs push single cases: since when each is known to be so, by what address, and which requests were taken."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of no case told so far does anybody know that it was told by itself: its register says how old it is.
    op.add_column("cases", sa.Column("told_at", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("address", sa.Text(), nullable=True))
    op.create_index("uq_cases_address", "cases", ["address"], unique=True)
    for name in ("case_system", "employer", "owner"):
        op.add_column("api_token", sa.Column(name, sa.Text(), nullable=True))
    op.create_table(
        "pushed_change",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("token_uid", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("request", sa.LargeBinary(length=32), nullable=False),
        sa.Column("case_system", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('applied', 'stopped')", name=op.f("ck_pushed_change_state")),
        sa.ForeignKeyConstraint(["token_uid"], ["api_token.uid"], name=op.f("fk_pushed_change_token_uid")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_pushed_change")),
        sa.UniqueConstraint("token_uid", "key", name=op.f("uq_pushed_change_token_uid_key")),
    )
    op.create_index("ix_pushed_change_accepted_at", "pushed_change", ["accepted_at"], unique=False)
