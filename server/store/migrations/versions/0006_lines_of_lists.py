"""Which line of which list a place was last taken in by; and employers that differ in spelling alone become one."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _key(name: str) -> str:
    seen = "".join(
        " " if each.isspace() else each
        for each in unicodedata.normalize("NFKC", name)
        if each.isspace() or unicodedata.category(each) not in ("Cf", "Cc", "Co", "Cn", "Cs")
    )
    return unicodedata.normalize("NFKC", " ".join(seen.split()).casefold())


def upgrade() -> None:
    # Of places taken in before, nobody kept the line: unknown until a list is taken in again.
    op.add_column("place", sa.Column("list_line", sa.Integer(), nullable=True))
    op.add_column("place", sa.Column("listed_at", sa.BigInteger(), nullable=True))
    employer = sa.table("employer", sa.column("id", sa.BigInteger), sa.column("name", sa.Text))
    first: dict[str, int] = {}
    for id_, name in op.get_bind().execute(sa.select(employer.c.id, employer.c.name).order_by(employer.c.id)).all():
        kept = first.setdefault(_key(name), id_)
        if kept != id_:
            # A gate that was recorded for the one spelling holds for the people of the other.
            for table in ("worker", "gate"):
                rows = sa.table(table, sa.column("employer_id", sa.BigInteger))
                op.execute(rows.update().where(rows.c.employer_id == id_).values(employer_id=kept))
            op.execute(employer.delete().where(employer.c.id == id_))
