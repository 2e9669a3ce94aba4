"""Proofs from the log are made in a few reads: kept nodes of its tree, and which entries prove an order.

What proofs say in words is kept by its digest, from the first removal on that is proven after this.
"""

from itertools import takewhile

import sqlalchemy as sa
from alembic import op

from server.core.log.merkle import HASH_LENGTH, Frontier, extend_keeping

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    nodes = op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_node")),
    )
    op.create_table(
        "log_of_order",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("proves", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "seq", name=op.f("pk_log_of_order")),
    )
    op.create_table(
        "statement",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_statement")),
    )
    _keep_nodes(nodes)


def _keep_nodes(nodes: sa.Table) -> None:
    """Of the log as it is."""
    connection = op.get_bind()
    frontier = Frontier()
    leaves = sa.text("SELECT leaf FROM log_entry WHERE seq >= :first AND seq < :end ORDER BY seq")
    while True:
        span = {"first": frontier.size, "end": frontier.size + 65_536}
        found = (bytes(row.leaf) for row in connection.execute(leaves, span))
        part = list(takewhile(lambda leaf: len(leaf) == HASH_LENGTH, found))  # what is none is told of elsewhere
        if not part:
            return
        frontier, kept = extend_keeping(frontier, part)
        if kept:
            op.bulk_insert(nodes, [{"level": level, "number": number, "hash": node} for level, number, node in kept])
