"""A number that the register names no more is former; what a person said of one, and since when one waits for them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('without_assignment', 'reappeared', 'unreadable_entry', 'number_overwritten', 'case_number_entry', 'mixed_unclear', 'place_unseen', 'empty_book', 'unsteady_entry', 'order_stuck', 'declaration_missing', 'declaration_expired', 'declaration_obsolete', 'declaration_other_device', 'declaration_not_countersigned', 'loan_agreement_missing', 'phone_unprotected', 'phone_without_account')"
_WHOSE = "whose IN ('theirs', 'not_theirs')"


def upgrade() -> None:
    with op.batch_alter_table("finding") as batch_op:
        batch_op.drop_constraint(op.f("ck_finding_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_finding_kind"), _KINDS)
        batch_op.add_column(sa.Column("pilot", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    with op.batch_alter_table("link") as batch_op:
        batch_op.add_column(sa.Column("since_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("gone_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("whose", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("recorded_at", sa.BigInteger(), nullable=True))
        batch_op.create_check_constraint(op.f("ck_link_whose"), _WHOSE)
    op.add_column("pair", sa.Column("waits_since", sa.BigInteger(), nullable=True))
    op.execute("UPDATE pair SET waits_since = decided_at WHERE decision = 'review'")
    # Since when a link is there nobody wrote down: it is known of the last export at the latest.
    op.execute(
        "UPDATE link SET since_at = (SELECT max(import_run.at) FROM import_run JOIN cases"
        " ON cases.system_id = import_run.system_id WHERE cases.id = link.case_id AND import_run.outcome = 'applied')"
    )
    # What waited for a person, or for news that had come long ago, is decided again by rules that have changed.
    op.execute(
        "UPDATE pair SET due_at = decided_at WHERE due_at IS NULL"
        " AND decision IN ('review', 'remove', 'remove_reprovisionable')"
    )
