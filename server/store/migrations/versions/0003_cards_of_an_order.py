"""Of each order, how many of its cards became what; and attempts are those that failed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CARDS = (
    "cards_removed",
    "cards_trimmed",
    "cards_gone",
    "cards_changed",
    "cards_unclear",
    "cards_failed",
    "cards_removed_shared",
    "cards_trimmed_shared",
)


def upgrade() -> None:
    # Of orders carried out before, nobody counted the cards: they stay without a count, which is not none.
    for name in _CARDS:
        op.add_column("orders", sa.Column(name, sa.Integer(), nullable=True))
    # Until now every claim counted. Where no fault stands, none of them is known to have failed.
    op.execute("UPDATE orders SET attempts = 0 WHERE fault IS NULL")
