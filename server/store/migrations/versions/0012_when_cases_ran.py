"""When a case ran before it was reopened is kept: contact in between was with a former client, whatever came after."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Of reopenings before this nobody kept anything but what `cases` itself still says, and that is read from there.
    op.create_table(
        "case_spell",
        sa.Column("case_id", _NUMBER, nullable=False),
        sa.Column("first", sa.Date(), nullable=True),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("reopened_on", sa.Date(), nullable=False),
        sa.CheckConstraint("first IS NULL OR first <= last", name=op.f("ck_case_spell_span")),
        sa.CheckConstraint("last < reopened_on", name=op.f("ck_case_spell_reopened")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_spell_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "last", name=op.f("pk_case_spell")),
    )
