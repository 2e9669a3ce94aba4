"""When a case system last told of a case's phase alone: that makes nothing fresh of whom the case has and who works on it."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("phase_told_at", sa.BigInteger(), nullable=True))
