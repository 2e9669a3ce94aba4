"""What a file of usage took the place of is kept, sealed, until a report is made."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "replaced_usage",
        sa.Column("run_id", _NUMBER, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["usage_run.id"], name=op.f("fk_replaced_usage_run_id")),
        sa.PrimaryKeyConstraint("run_id", "part", name=op.f("pk_replaced_usage")),
    )
