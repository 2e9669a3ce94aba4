"""The tables of evidence: usage as daily sums, declarations with what belongs to them, and what reports have shown.

No number, message or app of a private kind stands here: usage was classified and summed before it came. Days of usage
are counted from 1 January of the year 1 (`date.toordinal`) and months from year 0 (`12 * year + month - 1`): a year of
a national organisation is millions of rows, and these are small and sort as they should.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from server.core.usage.declarations import DeclarationState, SignedHow
from server.core.usage.model import Confidence, Counterparty, Direction, Profile, Quantity, Use
from server.store.schema.base import Instant, metadata, numbered, one_of

usage_feed = Table(
    "usage_feed",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("covers", Text, nullable=False),
    Column("precedence", Integer, nullable=False),
    Column("withdrawn_at", Instant),
    Column("measures", Text),
    Column("witness_of", Text),
    CheckConstraint("covers IN ('device', 'account')", name="covers"),
)
"""`precedence`: where two feeds tell of one subject, day, quantity and kind of evidence, the lower number counts, if
they tell of the same: `measures` says what the feed measures, `witness_of` which feeds (with a space between their
names) it tells of once more.
"""

usage_run = Table(
    "usage_run",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("feed_id", ForeignKey("usage_feed.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("digest", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("faults", BigInteger, nullable=False),
    Column("unattributable", BigInteger, nullable=False),
    Column("unclassified", BigInteger, nullable=False),
    Column("not_gated", BigInteger, nullable=False),
    Column("first_day", Integer),
    Column("last_day", Integer),
    Column("withdrawn", Boolean(create_constraint=False), nullable=False, server_default=text("false")),
    Column("late_first", Integer),
    Column("late_last", Integer),
    Column("replaced_days", Integer, nullable=False, server_default=text("0")),
    Column("replaced_sums", Integer, nullable=False, server_default=text("0")),
    Index(
        "uq_usage_run_digest",
        "feed_id",
        "digest",
        unique=True,
        sqlite_where=text("NOT withdrawn"),
        postgresql_where=text("NOT withdrawn"),
    ),
)
"""One file taken in: its digest, so that a replay is known, and how much of it could not be placed.

`first_day`, `last_day`: the days it speaks for. `late_first`, `late_last`: the days outside them of which it has rows.
`replaced_days`, `replaced_sums`: how much of other files it took the place of.
"""

usage_subject = Table(
    "usage_subject",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("device_id", ForeignKey("device.id"), unique=True),
    Column("worker_id", ForeignKey("worker.id"), unique=True),
    CheckConstraint("(kind = 'device') = (device_id IS NOT NULL)", name="device"),
    CheckConstraint("(kind = 'account') = (worker_id IS NOT NULL)", name="account"),
    CheckConstraint("kind IN ('device', 'account', 'nobody')", name="kind"),
    Index(
        "uq_usage_subject_nobody",
        "kind",
        unique=True,
        sqlite_where=text("kind = 'nobody'"),
        postgresql_where=text("kind = 'nobody'"),
    ),
)
"""Of whom a sum is: a device, a worker's account, or nobody that could be told. An account is never a device."""

usage_kind = Table(
    "usage_kind",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("quantity", Text, nullable=False),
    Column("confidence", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("use", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("counterparty", Text, nullable=False),
    Column("direction", Text, nullable=False),
    UniqueConstraint("quantity", "confidence", "profile", "use", "channel", "counterparty", "direction"),
    one_of("quantity", Quantity),
    one_of("confidence", Confidence),
    one_of("profile", Profile),
    one_of("use", Use),
    one_of("counterparty", Counterparty),
    one_of("direction", Direction),
    CheckConstraint(
        "use <> 'private' OR (channel = '' AND counterparty = 'unknown' AND direction = 'unknown')",
        name="private_is_one_bucket",
    ),
)
"""What a sum is of; a few hundred at most. `channel` is '' where none is known."""

usage_day = Table(
    "usage_day",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("subject_id", ForeignKey("usage_subject.id"), primary_key=True),
    Column("feed_id", ForeignKey("usage_feed.id"), primary_key=True),
    Column("kind_id", ForeignKey("usage_kind.id"), primary_key=True),
    Column("run_id", ForeignKey("usage_run.id"), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("samples", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("amount >= 0 AND samples >= 0", name="not_negative"),
    sqlite_with_rowid=False,
)

usage_month = Table(
    "usage_month",
    metadata,
    Column("month", Integer, primary_key=True),
    Column("subject_id", ForeignKey("usage_subject.id"), primary_key=True),
    Column("kind_id", ForeignKey("usage_kind.id"), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("samples", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The same by month, of the feed that counts where several tell of one thing: what reports read."""

usage_month_days = Table(
    "usage_month_days",
    metadata,
    Column("month", Integer, primary_key=True),
    Column("subject_id", ForeignKey("usage_subject.id"), primary_key=True),
    Column("quantity", Text, primary_key=True),
    Column("confidence", Text, primary_key=True),
    Column("profile", Text, primary_key=True),
    Column("days", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""On how many days of the month there was any."""

client_contact = Table(
    "client_contact",
    metadata,
    Column("subject_id", ForeignKey("usage_subject.id"), primary_key=True),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("feed_id", ForeignKey("usage_feed.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("confidence", Text, primary_key=True),
    Column("run_id", ForeignKey("usage_run.id"), primary_key=True),
    Column("count", Integer, nullable=False),
    one_of("direction", Direction),
    one_of("confidence", Confidence),
    Index("ix_client_contact_feed_id_day", "feed_id", "day"),
)
"""That there was contact with a client of a case on a day; kept only where consented rules allow it.

Of whom it is follows from who had the phone that day, so that a correction of that is one of this."""

replaced_usage = Table(
    "replaced_usage",
    metadata,
    Column("run_id", ForeignKey("usage_run.id"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""What the newest file of a feed took the place of, until a report is made: in part 0 which files, then their rows."""

declaration_text = Table(
    "declaration_text",
    metadata,
    Column("version", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("valid_from", Date, nullable=False),
    Column("obsolete_from", Date),
    Column("text", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
"""The texts in force, as they were read: what was signed never changes, so a version keeps its digest."""

device_holding = Table(
    "device_holding",
    metadata,
    Column("device_id", ForeignKey("device.id"), primary_key=True),
    Column("worker_id", ForeignKey("worker.id"), primary_key=True, index=True),
    Column("first", Date, primary_key=True),
    Column("last", Date),
    Column("loan_agreement", Text),
    Column("loan_agreement_on", Date),
    Column("since_ever", Boolean(create_constraint=False), nullable=False, server_default=text("false")),
    CheckConstraint("last IS NULL OR first <= last", name="span"),
    CheckConstraint("(loan_agreement IS NULL) = (loan_agreement_on IS NULL)", name="loan_agreement"),
)
"""Who had which device from when to when, and under which loan agreement. `since_ever`: `first` is the day on which it
was written down, nobody knows of anybody before, and so what was earlier is theirs, too."""

declaration = Table(
    "declaration",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("device_id", ForeignKey("device.id"), nullable=False, index=True),
    Column("worker_id", ForeignKey("worker.id"), nullable=False, index=True),
    Column("version", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("signed_on", Date, nullable=False),
    Column("how", Text, nullable=False),
    Column("scan_digest", Text),
    Column("recorded_at", Instant, nullable=False),
    Column("countersigned_on", Date),
    Column("countersigned_by", Text),
    Column("valid_until", Date, nullable=False),
    Column("revoked_on", Date),
    UniqueConstraint("device_id", "worker_id", "version", "signed_on"),
    one_of("how", SignedHow),
    CheckConstraint("how <> 'paper' OR scan_digest IS NOT NULL", name="paper_has_scan"),
    CheckConstraint("(countersigned_on IS NULL) = (countersigned_by IS NULL)", name="countersigned"),
)
"""`valid_until`: the last day by the policy of when it was signed; the policy in force may judge otherwise."""

contest = Table(
    "contest",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("device_id", ForeignKey("device.id"), nullable=False, index=True),
    Column("quantity", Text),
    Column("on_date", Date, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("answered_on", Date),
    one_of("quantity", Quantity),
)
"""The worker explains or contests a figure; what was written is sealed, that it was stands beside the outcome."""

figure_seen = Table(
    "figure_seen",
    metadata,
    Column("device_id", ForeignKey("device.id", ondelete="CASCADE"), primary_key=True),
    Column("worker_id", ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True),
    Column("month", Integer, nullable=False),
)
"""The newest month of which a worker saw the figures of their own device: others see no newer one for a while."""

declaration_reminder = Table(
    "declaration_reminder",
    metadata,
    Column("device_id", ForeignKey("device.id", ondelete="CASCADE"), primary_key=True),
    Column("worker_id", ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True),
    Column("sent_on", Date, nullable=False),
)
"""When a worker was last reminded of the declaration for a device, by mail; not where to."""

conversation = Table(
    "conversation",
    metadata,
    Column("worker_id", ForeignKey("worker.id"), primary_key=True),
    Column("device_id", ForeignKey("device.id"), primary_key=True),
    Column("on_date", Date, primary_key=True),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_as", Text, nullable=False),
)
"""That worker and manager talked about the use of the device; not what was said."""

periodic_check = Table(
    "periodic_check",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("on_date", Date, nullable=False),
    Column("checked_as", Text, nullable=False),
    Column("population", Integer, nullable=False),
    Column("seed", Text, nullable=False),
    Column("policy", Text, nullable=False),
)
"""The recorded check of signed agreements (BIO2 8.01.02). `seed`: with it the sample can be drawn again."""

checked_holding = Table(
    "checked_holding",
    metadata,
    Column("check_id", ForeignKey("periodic_check.id"), primary_key=True),
    Column("device_id", ForeignKey("device.id"), primary_key=True),
    Column("worker_id", ForeignKey("worker.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("loan_agreement", Boolean(create_constraint=False), nullable=False),
    Column("conversation_on", Date),
    one_of("state", DeclarationState),
)

released_cells = Table(
    "released_cells",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("report", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("report", "hash"),
)
"""What a report showed and withheld, sealed: the memory that the next report is held against. `hash`, keyed: the same
report made again is no second memory."""

duty_day = Table(
    "duty_day",
    metadata,
    Column("worker_id", ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Integer, primary_key=True),
)
"""On which days a worker was on duty for more than their own cases."""

absence = Table(
    "absence",
    metadata,
    Column("worker_id", ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True),
    Column("first", Date, primary_key=True),
    Column("last", Date),
    CheckConstraint("last IS NULL OR first <= last", name="span"),
)
"""From when to when a worker was away; why is kept nowhere."""

shared_device = Table(
    "shared_device",
    metadata,
    Column("device_id", ForeignKey("device.id", ondelete="CASCADE"), primary_key=True),
    Column("first", Date, primary_key=True),
    Column("last", Date),
    CheckConstraint("last IS NULL OR first <= last", name="span"),
)
"""When a device was meant for several people; since ever: from the first day of the year 1."""

listed_phone = Table(
    "listed_phone",
    metadata,
    Column("device_id", ForeignKey("device.id", ondelete="CASCADE"), primary_key=True),
    Column("on_date", Date, nullable=False),
    Column("contacts_closed", Boolean(create_constraint=False)),
)
"""A phone of which a list told the apps, and when device management saw them."""

listed_app = Table(
    "listed_app",
    metadata,
    Column("device_id", ForeignKey("listed_phone.device_id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("managed", Boolean(create_constraint=False)),
)
"""Channels of the catalogue that a list found on a phone; no other app is ever kept."""

named_view = Table(
    "named_view",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("asked_as", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("granted", Boolean(create_constraint=False)),
    Column("sealed", LargeBinary, nullable=False),
    Column("sealed_second", LargeBinary),
    CheckConstraint("first <= last", name="span"),
    CheckConstraint("(decided_at IS NULL) = (sealed_second IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(decided_at IS NULL) = (granted IS NULL)", name="decided"),
)
"""One person asked to see contacts without a known reason by name, and another grants it or not. Who asked and why, and
who decided (`sealed_second`), is sealed."""
