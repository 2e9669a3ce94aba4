"""Findings have an owner, a day and a conclusion from a closed set; those that ended before have one, too."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ENDS = "concluded_as IN ('explained', 'put_right', 'register_wrong', 'nothing_there', 'passed_on', 'unfounded', 'accepted', 'by_itself', 'in_words')"


def upgrade() -> None:
    for column in (
        sa.Column("concluded_as", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("put_off_until", sa.Date(), nullable=True),
        sa.Column("put_off_why", sa.Text(), nullable=True),
    ):
        op.add_column("finding", column)
    op.execute(
        "UPDATE finding SET concluded_as = CASE WHEN disposition = 'answered_itself' THEN 'by_itself'"
        " ELSE 'in_words' END WHERE closed_at IS NOT NULL"
    )
    with op.batch_alter_table("finding") as batch_op:
        batch_op.add_column(sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.create_foreign_key(op.f("fk_finding_owner_id"), "account", ["owner_id"], ["id"])
        batch_op.create_check_constraint(op.f("ck_finding_concluded_as"), _ENDS)
        batch_op.create_check_constraint(
            op.f("ck_finding_ends_as_something"), "(closed_at IS NULL) = (concluded_as IS NULL)"
        )
