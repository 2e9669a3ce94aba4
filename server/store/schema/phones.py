"""The tables of phones as their managers (MDM) know them, and of what was asked of them; part of the one schema.

No handle of a manager, serial number or login stands here readable: handles are sealed, and what a phone is matched by
is a keyed hash. Of apps only those of the channel catalogue are kept.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from mdm_adapters.phones import AppPresence, Aspect, Platform
from server.core.phones.asks import Asked, AskStanding
from server.store.schema.base import Instant, metadata, numbered, one_of

phone = Table(
    "phone",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("connection_id", ForeignKey("connection.id"), nullable=False),
    Column("key", LargeBinary(32), nullable=False),
    Column("sealed_ref", LargeBinary, nullable=False),
    Column("serial_key", LargeBinary(32)),
    Column("user_key", LargeBinary(32)),
    Column("platform", Text, nullable=False),
    Column("owned", Boolean(create_constraint=False)),
    Column("supervised", Boolean(create_constraint=False)),
    Column("managed", Boolean(create_constraint=False)),
    Column("compliant", Boolean(create_constraint=False)),
    Column("user_enrolled", Boolean(create_constraint=False)),
    Column("seen_at", Instant),
    Column("listed_at", Instant, nullable=False),
    Column("left_at", Instant),
    Column("worker_id", ForeignKey("worker.id"), index=True),
    Column("device_id", ForeignKey("device.id"), index=True),
    Column("due_at", Instant),
    UniqueConstraint("connection_id", "key"),
    one_of("platform", Platform),
    CheckConstraint("due_at IS NULL OR left_at IS NULL", name="who_left_is_not_asked"),
    Index(
        "ix_phone_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
)
"""A phone at one manager. `due_at`: something was removed from a book that it reads, so it is to be asked to
synchronise; written in the transaction that settles the order. `seen_at`: last check-in with the manager, which is no
synchronising of contacts."""

device_handle = Table(
    "device_handle",
    metadata,
    Column("connection_id", ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("key", LargeBinary(32), primary_key=True),
    Column("device_id", ForeignKey("device.id", ondelete="CASCADE"), nullable=False, index=True),
)
"""What a manager or a store calls a device of ours (handle, serial number, user or mailbox's device), as a keyed hash:
named by a person in a list, and stronger than any guess."""

phone_fact = Table(
    "phone_fact",
    metadata,
    Column("phone_id", ForeignKey("phone.id", ondelete="CASCADE"), primary_key=True),
    Column("aspect", Text, primary_key=True),
    Column("holds", Boolean(create_constraint=False)),
    Column("told_at", Instant, nullable=False),
    one_of("aspect", Aspect),
)
"""What was told last of each aspect of a phone, and when. NULL: told to be unknown."""

phone_app = Table(
    "phone_app",
    metadata,
    Column("phone_id", ForeignKey("phone.id", ondelete="CASCADE"), primary_key=True),
    Column("app", Text, primary_key=True),
    Column("presence", Text, nullable=False),
    Column("managed", Boolean(create_constraint=False)),
    Column("by_name", Boolean(create_constraint=False), nullable=False),
    Column("told_at", Instant),
    one_of("presence", AppPresence),
)
"""Apps of the channel catalogue, by the catalogue's word; no other app is ever kept."""

repush = Table(
    "repush",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("policy", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("released_at", Instant),
    Column("released_by", Text),
    Column("refused_at", Instant),
    CheckConstraint("released_at IS NULL OR refused_at IS NULL", name="one_answer"),
    CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="released_by_somebody"),
)
"""Phones that stopped syncing: a proposal to take the account off them and put it on again. Nothing is done before a
person releases it."""

repush_phone = Table(
    "repush_phone",
    metadata,
    Column("repush_id", ForeignKey("repush.id", ondelete="CASCADE"), primary_key=True),
    Column("phone_id", ForeignKey("phone.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("gone_at", Instant),
    Column("back_at", Instant),
    CheckConstraint("back_at IS NULL OR gone_at IS NOT NULL", name="gone_before_back"),
)
"""`gone_at`: the phone told that the account is gone; `back_at`: that it is there again."""

phone_ask = Table(
    "phone_ask",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("command", Text, nullable=False, unique=True),
    Column("phone_id", ForeignKey("phone.id", ondelete="CASCADE"), nullable=False),
    Column("what", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("handle", Text),
    Column("repush_id", ForeignKey("repush.id")),
    Column("made_at", Instant, nullable=False),
    Column("asked_at", Instant),
    Column("next_at", Instant),
    Column("ended_at", Instant),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("fault", Text),
    one_of("what", Asked),
    one_of("state", AskStanding),
    CheckConstraint("(next_at IS NULL) = (ended_at IS NOT NULL)", name="open_or_ended"),
    CheckConstraint("what NOT IN ('pull', 'push') OR repush_id IS NOT NULL", name="only_when_released"),
    Index("ix_phone_ask_phone", "phone_id", "what", "made_at"),
    Index(
        "uq_phone_ask_open",
        "phone_id",
        "what",
        unique=True,
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index(
        "ix_phone_ask_next_at",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)
"""What was asked of a phone: one for all orders that call for it, with a command of ours that stays the same when it is
asked again. `next_at`: when to ask, to follow it, or when the lease of who is asking runs out."""

manager_state = Table(
    "manager_state",
    metadata,
    Column("connection_id", ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    Column("listed_at", Instant),
    Column("next_at", Instant, nullable=False),
    Column("fault", Text),
    Column("fault_at", Instant),
)
"""When a manager's phones were last listed, and why they could not be."""

device_fetch = Table(
    "device_fetch",
    metadata,
    Column("device_id", ForeignKey("device.id", ondelete="CASCADE"), primary_key=True),
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE"), primary_key=True),
    Column("fetched_at", Instant, nullable=False),
    Column("read_at", Instant, nullable=False),
)
"""When a store's own figures say a device last synchronised a place (Exchange's LastSuccessSync)."""
