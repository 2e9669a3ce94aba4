"""The tables of what workers stated of places nobody can see, and when they were reminded; never what is there."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Table, Text

from server.core.model import StatedAnswer, StatedPlace
from server.store.schema.base import Instant, metadata, numbered, one_of

attestation = Table(
    "attestation",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("worker_id", ForeignKey("worker.id"), nullable=False),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("place", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("said_at", Instant, nullable=False),
    one_of("place", StatedPlace),
    one_of("answer", StatedAnswer),
    Index("ix_attestation_worker_id", "worker_id", "case_id"),
    Index("ix_attestation_said_at", "said_at"),
)
"""What a worker said of one place, for one case, each time they said it: the newest counts, none is written over. That
they were asked stands nowhere: it follows from the register and the policy (`core.removal.attestation`)."""

attestation_reminder = Table(
    "attestation_reminder",
    metadata,
    Column("worker_id", ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True),
    Column("sent_on", Date, nullable=False),
)
"""When a worker was last reminded by mail of what they have not answered; of which case it does not say."""
