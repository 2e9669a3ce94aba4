"""Until when factors count that somebody else handed out; who has some keeps them as their own."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("handed_out_until", sa.BigInteger(), nullable=True))
