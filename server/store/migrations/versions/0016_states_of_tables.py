"""What the rows of small tables were when the program last wrote one is kept, and the log's head is under a MAC."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("log_head", sa.Column("mark", sa.LargeBinary(32), nullable=True))
    op.add_column("log_head", sa.Column("seal", sa.LargeBinary(32), nullable=True))
    op.create_table(
        "table_state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_table_state")),
    )
