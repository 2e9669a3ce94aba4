"""What the identity provider says of a session: when somebody proved who they are, and which of its sessions it is."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message_taken",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_message_taken")),
    )
    op.create_index("ix_message_taken_ends_at", "message_taken", ["ends_at"], unique=False)
    with op.batch_alter_table("web_session", recreate="auto") as batch_op:
        batch_op.add_column(sa.Column("provider_session", sa.LargeBinary(length=32), nullable=True))
        batch_op.alter_column("proven_at", existing_type=sa.BigInteger(), nullable=True)
        batch_op.create_index("ix_web_session_provider_session", ["provider_session"], unique=False)
    # When they proved it at the provider was never asked: what stands there is when they came from it.
    op.execute(
        "UPDATE web_session SET proven_at = NULL"
        " WHERE account_id IN (SELECT id FROM account WHERE issuer IS NOT NULL)"
    )
