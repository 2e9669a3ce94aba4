"""The table of what we removed and can put back: sealed values, each under the key of its case, and how far it came."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from server.core.removal.putting import PutState
from server.store.schema.base import Instant, metadata, one_of

put_back = Table(
    "put_back",
    metadata,
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE"), primary_key=True),
    Column("identifier_id", ForeignKey("identifier.id"), primary_key=True),
    Column("worker_id", ForeignKey("worker.id"), nullable=False),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("state", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("removed_at", Instant, nullable=False),
    Column("kept_until", Instant, nullable=False),
    Column("due_at", Instant),
    Column("next_at", Instant),
    Column("lease_by", Text),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("accepted_version", BigInteger),
    Column("entry_key", LargeBinary(32)),
    one_of("state", PutState),
    CheckConstraint("(state IN ('ready', 'calling')) = (next_at IS NOT NULL)", name="next"),
    CheckConstraint("(state = 'calling') = (lease_by IS NOT NULL)", name="lease"),
    CheckConstraint("(state = 'there') = (sealed IS NULL)", name="destroyed"),
    CheckConstraint("(state = 'checking') = (accepted_version IS NOT NULL)", name="accepted"),
    Index("ix_put_back_worker_id", "worker_id", "identifier_id"),
    Index("ix_put_back_case_id", "case_id"),
    Index(
        "ix_put_back_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_put_back_next_at",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)
"""`case_id`: under whose key it is sealed. `due_at`: decide again then if it is put back; `next_at`: of a ready one
when to call, of one being called when its lease runs out. `entry_key`: of the entry that we made of it, as in `entry`:
by it, not by what a card says, ours is told from what its worker typed."""
