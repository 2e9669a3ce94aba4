"""The tables of what engines did, as counts alone: no order, no place and no worker stands here."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text

from server.store.schema.base import Instant, metadata

work_count = Table(
    "work_count",
    metadata,
    Column("what", Text, primary_key=True),
    Column("vendor", Text, primary_key=True),
    Column("answer", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("count > 0", name="counted"),
)
"""How often something was done since ever, at a vendor ("": at none), and what came of it; `at`: when last. Written in
the transaction that it counts, and never made less."""

engine_sign = Table(
    "engine_sign",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
)
"""When each process that runs an engine last came round; what is older than a day is dropped."""

quiet_looks = Table(
    "quiet_looks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("since", Instant, nullable=False),
    Column("looks", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""Looks that found what was known already, or failed as the one before did, since the log told of such ones last."""
