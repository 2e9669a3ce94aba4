"""Since when the page of a worker says of a contact that it may go, so that nothing goes before it has said so."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody was told so far: no policy could ask for it.
    op.add_column("pair", sa.Column("told_since", sa.BigInteger(), nullable=True))
