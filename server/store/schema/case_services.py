"""The tables of case services (ZGW) that tell of changes: subscriptions, what they told of, and which case is whose.

No id of a case stands here in the clear: `key` is a keyed hash of it, and `sealed` the id itself until it was read.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from server.store.schema.base import Instant, metadata

case_watch = Table(
    "case_watch",
    metadata,
    Column("connection_id", ForeignKey("connection.id"), primary_key=True, autoincrement=False),
    Column("nonce", LargeBinary(32), nullable=False),
    Column("ref", Text),
    Column("begun_at", Instant, nullable=False),
    Column("heard_at", Instant),
    Column("polled_at", Instant),
    Column("missed", BigInteger, nullable=False, server_default=text("0")),
    Column("stopped", Integer, nullable=False, server_default=text("0")),
    Column("fault", Text),
)
"""The subscription at the service of a connection. `nonce`: its secret follows from this and our key; `ref`: its id
there, none until the service has made it; `missed`: changes since it began that a poll found first; `stopped`: closures
that wait for a person; `fault`: why cases could not be read back at the last try."""

case_hint = Table(
    "case_hint",
    metadata,
    Column("connection_id", ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("key", LargeBinary(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("gone", Boolean(create_constraint=False), nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Instant, nullable=False, index=True),
)
"""Cases that a notification told of and that were not read back since. `version` counts what was told: one that came
while the case was read is not lost. `gone`: one of them said that the case was deleted."""

case_ref = Table(
    "case_ref",
    metadata,
    Column("connection_id", ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("key", LargeBinary(32), primary_key=True),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("gone_at", Instant),
    Index("ix_case_ref_case_id", "case_id"),
)
"""Which case of the register a case of the service is, learnt by reading it there, so that one that is deleted there
can be told. `gone_at`: since when it is not there any more."""
