"""The text of the policy that a proposal replaces, so that what it changes can be read once it is in force."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("policy_proposal", sa.Column("replaced", sa.Text(), nullable=True))
    proposal = sa.table(
        "policy_proposal",
        *map(sa.column, ("uid", "version", "content", "replaces", "granted", "decided_at", "replaced")),
    )
    rows = op.get_bind().execute(sa.select(proposal).order_by(proposal.c.decided_at)).all()
    # What was in force is known where it had itself been proposed here. The first policy, put there as a file, is not.
    granted = {row.version: row.content for row in rows if row.granted}
    for row in rows:
        if row.replaces in granted:
            op.execute(proposal.update().where(proposal.c.uid == row.uid).values(replaced=granted[row.replaces]))
