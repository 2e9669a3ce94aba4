"""The tables of what was destroyed: how far, and what has to last all the same, sealed."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Integer, LargeBinary, Table, Text

from server.store.schema.base import Instant, metadata

destruction = Table(
    "destruction",
    metadata,
    Column("term", Text, primary_key=True),
    Column("until", Date, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("total", BigInteger, nullable=False),
    Column("told", BigInteger, nullable=False),
    Column("newest", BigInteger, nullable=False),
    CheckConstraint("0 <= newest AND newest <= told AND told <= total", name="counted"),
)
"""Of each period of the policy its newest run that destroyed anything. `until`: the last day whose rows were; `total`:
how many since ever, `told`: how many of them the log has told of, `newest`: with its newest line about it. `ended_at`
NULL: it runs, or was broken off and is gone on with."""

custody = Table(
    "custody",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""Copies of rows that were destroyed while they had to last, sealed together and padded; there is always one, and each
run seals it anew, so that nothing is told by its being written."""
