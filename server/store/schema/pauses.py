"""The table of pauses: where no call to remove may begin, and until when."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from server.core.model import Role
from server.store.schema.base import Instant, metadata, numbered, one_of

pause = Table(
    "pause",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("connection_id", ForeignKey("connection.id")),
    Column("everything", Boolean(create_constraint=False), nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_as", Text, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", Text),
    one_of("set_as", Role),
    CheckConstraint("everything = (connection_id IS NULL)", name="one_scope"),
    CheckConstraint("set_at < ends_at", name="ends"),
    CheckConstraint("ended_by IS NULL OR ended_at IS NOT NULL", name="ended"),
    Index(
        "uq_pause_connection",
        "connection_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL AND connection_id IS NOT NULL"),
        postgresql_where=text("ended_at IS NULL AND connection_id IS NOT NULL"),
    ),
    Index(
        "uq_pause_everything",
        "everything",
        unique=True,
        sqlite_where=text("ended_at IS NULL AND connection_id IS NULL"),
        postgresql_where=text("ended_at IS NULL AND connection_id IS NULL"),
    ),
)
"""No call to remove begins at this connection, or at any. Every pause has an end; `ended_by` NULL: it ran out. Who set
it is an account's name or id, or an account on the server."""
