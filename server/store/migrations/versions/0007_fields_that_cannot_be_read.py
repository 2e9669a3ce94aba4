"""Fields of cards that could not be read, and what workers said of their cards."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("entry", sa.Column("rest", sa.Text(), nullable=False, server_default=sa.text("'unsaid'")))
    op.add_column("entry", sa.Column("asked_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "unread_field",
        sa.Column("id", _ID, nullable=False),
        sa.Column("entry_id", _ID, nullable=False),
        sa.Column("mark", sa.LargeBinary(length=32), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entry.id"], name=op.f("fk_unread_field_entry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unread_field")),
        sa.UniqueConstraint("entry_id", "mark", name=op.f("uq_unread_field_entry_id_mark")),
    )
    op.create_table(
        "unread_identifier",
        sa.Column("field_id", _ID, nullable=False),
        sa.Column("identifier_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["field_id"], ["unread_field.id"], name=op.f("fk_unread_identifier_field_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["identifier_id"], ["identifier.id"], name=op.f("fk_unread_identifier_identifier_id")
        ),
        sa.PrimaryKeyConstraint("field_id", "identifier_id", name=op.f("pk_unread_identifier")),
    )
    op.create_index(op.f("ix_unread_identifier_identifier_id"), "unread_identifier", ["identifier_id"])
    op.create_table(
        "confirmed_field",
        sa.Column("place_id", _ID, nullable=False),
        sa.Column("mark", sa.LargeBinary(length=32), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["place_id"], ["place.id"], name=op.f("fk_confirmed_field_place_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("place_id", "mark", name=op.f("pk_confirmed_field")),
    )
    # What a card may lose was decided by another law: each book is read in full before anything more goes from it.
    op.execute("UPDATE place SET look_due = true")
