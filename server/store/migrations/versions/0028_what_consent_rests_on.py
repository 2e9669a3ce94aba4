"""A gate says which version of the DPIA it rests on, what the data protection officer advised, when the council decided."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of earlier gates nobody recorded it: they hold as they are, and say that it is not recorded.
    op.add_column("gate", sa.Column("dpia_version", sa.Text(), nullable=True))
    op.add_column("gate", sa.Column("dpia_on", sa.Date(), nullable=True))
    op.add_column("gate", sa.Column("advice", sa.Text(), nullable=True))
    op.add_column("gate", sa.Column("consent_on", sa.Date(), nullable=True))
