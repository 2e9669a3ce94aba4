"""Wrong tries to sign in count by account and by who asks, not by account alone."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_count",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("empty_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_count")),
    )
    op.create_index("ix_sign_in_count_empty_at", "sign_in_count", ["empty_at"], unique=False)
    # Who had to wait need not any more: it was the very thing by which somebody could be kept out.
    op.drop_column("account", "wait_until")
