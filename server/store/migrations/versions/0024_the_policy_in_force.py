"""Which text was put in force as the policy, so that a file edited in its place is noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of an installation of an earlier version nobody knows what was put in force: its file counts at the next round.
    op.create_table(
        "policy_in_force",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("put_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_policy_in_force_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_in_force")),
    )
