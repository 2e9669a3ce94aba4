"""The tables of what was told to others: reports to whom (by a keyed hash), and how far each outlet of the log is."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Table, Text

from server.store.schema.base import Instant, metadata

report_told = Table(
    "report_told",
    metadata,
    Column("report_uid", ForeignKey("kept_report.uid", ondelete="CASCADE"), primary_key=True),
    Column("address", LargeBinary(32), primary_key=True),
    Column("at", Instant, nullable=False),
)
"""`address` is a keyed hash: enough not to write twice, and nobody's address."""

outlet = Table(
    "outlet",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_seq", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("fault", Text),
)
"""`next_seq`: the first entry of the log that was not passed on yet. `fault`: why the last try failed."""
