"""What closeout keeps is destroyed when its period is over: how far, and what has to last all the same."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "destruction",
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("0 <= newest AND newest <= told AND told <= total", name=op.f("ck_destruction_counted")),
        sa.PrimaryKeyConstraint("term", name=op.f("pk_destruction")),
    )
    op.create_table(
        "custody",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_custody_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custody")),
    )
    # Else each order that goes would have every tombstone read.
    op.create_index("ix_tombstone_order_id", "tombstone", ["order_id"], unique=False)
