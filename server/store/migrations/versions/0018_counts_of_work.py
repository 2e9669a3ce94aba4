"""What engines did is counted, by vendor and answer, and when each gave a sign of life; counting begins now."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "work_count",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count > 0", name=op.f("ck_work_count_counted")),
        sa.PrimaryKeyConstraint("what", "vendor", "answer", name=op.f("pk_work_count")),
    )
    op.create_table(
        "engine_sign",
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("engine", name=op.f("pk_engine_sign")),
    )
