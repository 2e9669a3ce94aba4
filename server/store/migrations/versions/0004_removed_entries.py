"""Handles of removed entries until their removal is proven; books that are suddenly empty; entries that never rest."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KINDS = (
    "without_assignment",
    "reappeared",
    "unreadable_entry",
    "case_number_entry",
    "mixed_unclear",
    "place_unseen",
    "empty_book",
    "unsteady_entry",
    "order_stuck",
    "declaration_missing",
    "declaration_expired",
    "declaration_obsolete",
    "declaration_other_device",
    "declaration_not_countersigned",
    "loan_agreement_missing",
    "phone_unprotected",
    "phone_without_account",
)


def upgrade() -> None:
    op.create_table(
        "removed_entry",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_ref", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_removed_entry_order_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", "key", name=op.f("pk_removed_entry")),
    )
    op.add_column("orders", sa.Column("changes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("place", sa.Column("cards", sa.Integer(), server_default=sa.text("0"), nullable=False))
    # Known of a book so far are the entries that concern us: it holds that many at least.
    op.execute("UPDATE place SET cards = (SELECT count(*) FROM entry WHERE entry.place_id = place.id)")
    # Until now an entry was known by its ETag alone: the next look reads all of them, and knows them by their content.
    op.execute("UPDATE place SET look_due = true")
    with op.batch_alter_table("finding") as finding:
        finding.drop_constraint(op.f("ck_finding_kind"), type_="check")
        allowed = ", ".join(f"'{kind}'" for kind in _KINDS)
        finding.create_check_constraint(op.f("ck_finding_kind"), f"kind IN ({allowed})")
