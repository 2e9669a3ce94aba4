"""The tables, and in their constraints what must never be; the same on SQLite and PostgreSQL.

No name, number or address of a client stands here: identifiers are keyed tokens, a vendor's handle of a card is
sealed. Instants are microseconds since 1970 in UTC (`Instant`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from server.core.model import (
    OPEN_STATES,
    ContactClass,
    Decision,
    DeviceUse,
    Disposition,
    FindingKind,
    GateScope,
    Level,
    Phase,
    Presence,
    PushState,
    Role,
    State,
    Tier,
    Whose,
)
from server.core.removal.closures import ClosureAnswer, ClosureEnd
from server.core.removal.monitoring import ChangeEnd

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970 UTC: one order of time on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuses a naive datetime: a time without a zone is a guess."""
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Back to an aware datetime in UTC."""
        return None if value is None else instant(value)


def micros(value: datetime) -> int:
    """An aware datetime as the database keeps it; ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (value - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """The inverse of `micros`."""
    return _EPOCH + timedelta(microseconds=value)


numbered = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows itself only for INTEGER."""


def one_of(column: str, values: type[object]) -> CheckConstraint:
    """A column that holds one of a closed set (or nothing, if it may)."""
    allowed = ", ".join(f"'{member}'" for member in values)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("uid", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("demo", Boolean(create_constraint=False), nullable=False),
    Column("key_check", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

employer = Table(
    "employer", metadata, Column("id", numbered, primary_key=True), Column("name", Text, nullable=False, unique=True)
)

gate = Table(
    "gate",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("employer_id", ForeignKey("employer.id"), nullable=False, index=True),
    Column("dpia", Text, nullable=False),
    Column("consent", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("review_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("dpia_version", Text),
    Column("dpia_on", Date),
    Column("advice", Text),
    Column("consent_on", Date),
    CheckConstraint("review_on <= ends_on", name="review_before_end"),
    one_of("scope", GateScope),
)
"""Removing contacts and observing use are two gates: consent to the one is none to the other. Version and date of the
DPIA, the data protection officer's advice on it (GDPR 35(2)) and the day of the council's decision are asked for since
0028; of earlier gates nobody recorded them."""

case_system = Table(
    "case_system",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("read_at", Instant),
)

cases = Table(
    "cases",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("system_id", ForeignKey("case_system.id"), nullable=False),
    Column("number", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("opened_on", Date),
    Column("closed_at", Instant),
    Column("recorded", Boolean(create_constraint=False), nullable=False),
    Column("transferred_on", Date),
    Column("monitoring_from", Date),
    Column("plan_counts_from", Date),
    Column("seen_monitored_on", Date),
    Column("told_at", Instant),
    Column("address", Text),
    Column("phase_told_at", Instant),
    UniqueConstraint("system_id", "number"),
    one_of("phase", Phase),
    Index("uq_cases_address", "address", unique=True),
)
"""`told_at`: when the case system last told of this one by itself, by pushing it; what it told then is no older than
that, whatever its register as a whole is. `phase_told_at`: when it last told of its phase alone (a case service that is
asked): an export made before that does not undo it, and nothing becomes fresh by it, since whom the case has and who
works on it was not told. `address`: by which programs know it, where one has asked: opaque."""

case_spell = Table(
    "case_spell",
    metadata,
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("first", Date),
    Column("last", Date, primary_key=True),
    Column("reopened_on", Date, nullable=False),
    CheckConstraint("first IS NULL OR first <= last", name="span"),
    CheckConstraint("last < reopened_on", name="reopened"),
)
"""A time in which a case ran before it was reopened: `cases` tells the present one only. `first`: nobody knows."""

identifier = Table(
    "identifier",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("token", LargeBinary(32), nullable=False, unique=True),
    Column("verified", Boolean(create_constraint=False), nullable=False),
    sqlite_autoincrement=True,
)
"""Numbered in order of arrival and never reused: a place remembers up to which number it was searched in full."""

link = Table(
    "link",
    metadata,
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("identifier_id", ForeignKey("identifier.id"), primary_key=True, index=True),
    Column("person", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("linked", Boolean(create_constraint=False), nullable=False),
    Column("former_since", Instant),
    Column("since_at", Instant),
    Column("gone_at", Instant),
    Column("whose", Text),
    Column("recorded_at", Instant),
    one_of("class", ContactClass),
    one_of("whose", Whose),
)
"""What the register once linked stays until it is proven gone. `since_at`: first named; `gone_at`: named no more, so
former; `whose`, `recorded_at`: what a person said where the register does not tell."""

directory = Table(
    "directory",
    metadata,
    Column("identifier_id", ForeignKey("identifier.id"), primary_key=True),
    Column("class", Text, nullable=False),
    one_of("class", ContactClass),
)
"""Colleagues and partners of the whole organisation, whose numbers belong to no case."""

worker = Table(
    "worker",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("employer_id", ForeignKey("employer.id"), nullable=False),
    Column("team", Text, nullable=False),
)

membership = Table(
    "membership",
    metadata,
    Column("worker_id", ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True),
    Column("first", Date, primary_key=True),
    Column("last", Date),
    Column("team", Text, nullable=False),
    CheckConstraint("last IS NULL OR first <= last", name="span"),
)
"""In which team a worker was from when to when: `worker` tells the present one only. Since ever: from the first day of
the year 1."""

device = Table(
    "device",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("worker_id", ForeignKey("worker.id"), nullable=False, index=True),
    Column("login", Text, unique=True),
    Column("use", Text, nullable=False, server_default=text("'own'")),
    one_of("use", DeviceUse),
)
"""`use`: whose it is; a shared one stands on a desk and reads the places of several workers."""

assignment = Table(
    "assignment",
    metadata,
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("worker_ref", Text, primary_key=True, index=True),
    Column("from_at", Instant, primary_key=True),
    Column("until_at", Instant),
    Column("role", Text, nullable=False),
)
"""By the worker's reference in the case system: the register knows workers of whom no place is known yet."""

moment = Table(
    "moment",
    metadata,
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("worker_ref", Text, primary_key=True),
    Column("on_date", Date, primary_key=True),
)

deviation = Table(
    "deviation",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("worker_id", ForeignKey("worker.id"), nullable=False),
    Column("tier", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("until_at", Instant, nullable=False),
    Column("ended_at", Instant),
    one_of("tier", Tier),
    Index("ix_deviation_pair", "worker_id", "case_id"),
)

closure = Table(
    "closure",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("team", Text, nullable=False),
    Column("asked", Text, nullable=False, unique=True),
    Column("answer", Text, nullable=False),
    Column("on_date", Date),
    Column("confirmed_at", Instant),
    Column("opened_on", Date),
    Column("said_by", ForeignKey("account.id"), nullable=False),
    Column("said_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_as", Text),
    Column("ended_by", ForeignKey("account.id")),
    one_of("answer", ClosureAnswer),
    one_of("ended_as", ClosureEnd),
    CheckConstraint("(answer = 'confirmed') = (on_date IS NOT NULL)", name="day_of_confirmed"),
    CheckConstraint("(on_date IS NULL) = (confirmed_at IS NULL)", name="counts_from"),
    CheckConstraint("confirmed_at IS NULL OR confirmed_at <= said_at", name="not_ahead"),
    CheckConstraint("on_date IS NULL OR opened_on IS NULL OR opened_on <= on_date", name="after_opening"),
    CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name="ended_as_what"),
    CheckConstraint("(ended_by IS NULL) = (ended_as IS NULL OR ended_as = 'lapsed')", name="ended_by_somebody"),
    Index(
        "uq_closure_in_force",
        "case_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_closure_team", "team", "said_at"),
    Index("ix_closure_case_id", "case_id"),
)
"""What a work supervisor answered to "was the final closure confirmed in writing?". `asked`: the question as it stood
on their page, answered once; `confirmed_at`: from when the answer counts; `opened_on`: the case's start as the register
said it then."""

plan_change = Table(
    "plan_change",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("team", Text, nullable=False),
    Column("months", Integer),
    Column("on_date", Date),
    Column("reason", Text, nullable=False),
    Column("said_by", ForeignKey("account.id"), nullable=False),
    Column("said_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_as", Text),
    Column("ended_by", ForeignKey("account.id")),
    one_of("ended_as", ChangeEnd),
    CheckConstraint("months IS NULL OR months >= 0", name="months"),
    CheckConstraint("on_date IS NOT NULL OR months > 0", name="day"),
    CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name="ended_as_what"),
    CheckConstraint("(ended_by IS NULL) = (ended_as IS NULL OR ended_as = 'lapsed')", name="ended_by_somebody"),
    Index(
        "uq_plan_change_month_in_force",
        "case_id",
        "months",
        unique=True,
        sqlite_where=text("ended_at IS NULL AND months IS NOT NULL"),
        postgresql_where=text("ended_at IS NULL AND months IS NOT NULL"),
    ),
    Index(
        "uq_plan_change_extra_in_force",
        "case_id",
        "on_date",
        unique=True,
        sqlite_where=text("ended_at IS NULL AND months IS NULL"),
        postgresql_where=text("ended_at IS NULL AND months IS NULL"),
    ),
)

hold_list = Table(
    "hold_list",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""All holds, sealed, in one row that is always there and always of one length (`core.hold_record`). Empty: before
an installation was founded."""

inquiry_list = Table(
    "inquiry_list",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""All mandates of inquiries with what was asked under them, sealed, in one row that is always there, of one length
until much is in it (`core.inquiry_record`). Empty: before an installation was founded."""

client_question_list = Table(
    "client_question_list",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""That clients asked whether their number is gone, and were answered; sealed, in one row that is always there, of one
length until much is in it (`core.client_question_record`). Empty: before an installation was founded."""

package_list = Table(
    "package_list",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""All requests for evidence packages, sealed, in one row as the others (`core.package_record`)."""

connection = Table(
    "connection",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("vendor", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("secret_file", Text, nullable=False),
    Column("ca_file", Text),
    Column("log_file", Text),
    Column("options", Text, nullable=False, server_default=text("'{}'")),
    Column("demo", Boolean(create_constraint=False), nullable=False),
)

place = Table(
    "place",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("connection_id", ForeignKey("connection.id"), nullable=False),
    Column("worker_id", ForeignKey("worker.id"), nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("cursor", Text),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    Column("searched_to", BigInteger, nullable=False, server_default=text("0")),
    Column("full_at", Instant),
    Column("looked_at", Instant),
    Column("look_due", Boolean(create_constraint=False), nullable=False, server_default=text("true")),
    Column("hinted_at", Instant),
    Column("fault", Text),
    Column("fault_at", Instant),
    Column("cards", Integer, nullable=False, server_default=text("0")),
    Column("list_line", Integer),
    Column("listed_at", Instant),
    UniqueConstraint("connection_id", "address"),
)
"""`list_line`, `listed_at`: by which line of which list it was last taken in, for whoever keeps that list.

`version` counts every look written and every receipt settled: a look begun before one is not written.

`look_due`: to be read in full; `hinted_at`: the vendor said that something changed, and no look has begun since;
`cards`: how many entries there are at least, as last read and believed."""

place_device = Table(
    "place_device",
    metadata,
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE"), primary_key=True),
    Column("device_id", ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, index=True),
)

entry = Table(
    "entry",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE"), nullable=False),
    Column("key", LargeBinary(32), nullable=False),
    Column("sealed_ref", LargeBinary, nullable=False),
    Column("version", Text),
    Column("shape", Text, nullable=False),
    Column("accepted", Boolean(create_constraint=False), nullable=False, server_default=text("false")),
    Column("rest", Text, nullable=False, server_default=text("'unsaid'")),
    Column("asked_at", Instant),
    UniqueConstraint("place_id", "key"),
)
"""Cards that concern us. `key` is a keyed hash of the vendor's handle; `accepted`: a person looked at an unreadable
one; `rest`: what its worker said of what it holds besides, as it is at `version` (`port.Rest`); `asked_at`: since when
they could."""

unread_field = Table(
    "unread_field",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("entry_id", ForeignKey("entry.id", ondelete="CASCADE"), nullable=False),
    Column("mark", LargeBinary(32), nullable=False),
    Column("since_at", Instant, nullable=False),
    UniqueConstraint("entry_id", "mark"),
)
"""Fields of cards in which a number could not be read, by a keyed hash of their text; the text is kept nowhere."""

unread_identifier = Table(
    "unread_identifier",
    metadata,
    Column("field_id", ForeignKey("unread_field.id", ondelete="CASCADE"), primary_key=True),
    Column("identifier_id", ForeignKey("identifier.id"), primary_key=True, index=True),
)
"""The governed identifiers that may stand in such a field: none of them is absent from the book."""

confirmed_field = Table(
    "confirmed_field",
    metadata,
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE"), primary_key=True),
    Column("mark", LargeBinary(32), primary_key=True),
    Column("confirmed_at", Instant, nullable=False),
)
"""Fields whose worker said that no client's number stands in them, as long as their text is the same."""

entry_identifier = Table(
    "entry_identifier",
    metadata,
    Column("entry_id", ForeignKey("entry.id", ondelete="CASCADE"), primary_key=True),
    Column("identifier_id", ForeignKey("identifier.id"), primary_key=True, index=True),
)

sighting = Table(
    "sighting",
    metadata,
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE"), primary_key=True),
    Column("identifier_id", ForeignKey("identifier.id"), primary_key=True, index=True),
    Column("presence", Text, nullable=False),
    Column("appearance", Integer, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("since_at", Instant, nullable=False),
    one_of("presence", Presence),
    CheckConstraint("appearance > 0", name="appearance"),
)

pair = Table(
    "pair",
    metadata,
    Column("worker_id", ForeignKey("worker.id"), primary_key=True),
    Column("identifier_id", ForeignKey("identifier.id"), primary_key=True, index=True),
    Column("due_at", Instant),
    Column("decision", Text),
    Column("reason", Text),
    Column("case_id", ForeignKey("cases.id", ondelete="SET NULL")),
    Column("policy", Text),
    Column("decided_at", Instant),
    Column("waits_since", Instant),
    Column("told_since", Instant),
    Index(
        "ix_pair_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    one_of("decision", Decision),
)
"""A worker and an identifier seen with them; `due_at`: decide again then (now after an event, later for time alone);
`waits_since`: since when a person decides; `told_since`: since when the worker's own page says that it may go."""

plan = Table(
    "plan",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
    Column("policy", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("removals", Integer, nullable=False),
    Column("held_back", Text),
    Column("released_at", Instant),
    Column("released_by", Text),
)
"""`held_back` names the limit a plan broke, with its numbers; its orders wait until it is released."""

_OPEN = "state IN (" + ", ".join(f"'{s}'" for s in sorted(OPEN_STATES)) + ")"
IS_OPEN = text(f"orders.{_OPEN}")
"""Written out as in the index of open orders: of a condition with parameters no database knows that it fits."""

orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("place_id", ForeignKey("place.id"), nullable=False),
    Column("identifier_id", ForeignKey("identifier.id"), nullable=False),
    Column("worker_id", ForeignKey("worker.id"), nullable=False),
    Column("case_id", ForeignKey("cases.id", ondelete="SET NULL")),
    Column("plan_id", ForeignKey("plan.id"), nullable=False),
    Column("verb", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("fault", Text),
    Column("outcome", Text),
    Column("recoverable", Boolean(create_constraint=False), nullable=False, server_default=text("false")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("planned_at", Instant, nullable=False),
    Column("next_at", Instant),
    Column("lease_by", Text),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("called_at", Instant),
    Column("accepted_at", Instant),
    Column("accepted_version", BigInteger),
    Column("settled_at", Instant),
    Column("level", Text, nullable=False),
    Column("cards_removed", Integer),
    Column("cards_trimmed", Integer),
    Column("cards_gone", Integer),
    Column("cards_changed", Integer),
    Column("cards_unclear", Integer),
    Column("cards_failed", Integer),
    Column("cards_removed_shared", Integer),
    Column("cards_trimmed_shared", Integer),
    Column("changes", Integer, nullable=False, server_default=text("0")),
    one_of("state", State),
    one_of("level", Level),
    CheckConstraint("(state IN ('ready', 'calling')) = (next_at IS NOT NULL)", name="next"),
    CheckConstraint("(state = 'calling') = (lease_by IS NOT NULL)", name="lease"),
    CheckConstraint("(state = 'done') = (settled_at IS NOT NULL)", name="settled_once"),
    CheckConstraint("state <> 'done' OR level <> 'ordered'", name="done_is_proven"),
    CheckConstraint("state <> 'checking' OR accepted_version IS NOT NULL", name="accepted"),
    Index(
        "uq_orders_open",
        "place_id",
        "identifier_id",
        "verb",
        unique=True,
        sqlite_where=text(_OPEN),
        postgresql_where=text(_OPEN),
    ),
    Index(
        "ix_orders_todo",
        "next_at",
        "place_id",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index("ix_orders_worker_identifier", "worker_id", "identifier_id"),
    Index("ix_orders_place_state", "place_id", "state"),
    Index("ix_orders_plan_id", "plan_id", "id"),
    Index("ix_orders_case_id", "case_id"),
    Index(
        "ix_orders_unsettled",
        "planned_at",
        "id",
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index(
        "ix_orders_settled",
        "settled_at",
        "id",
        "place_id",
        "level",
        "reason",
        "case_id",
        sqlite_where=text("settled_at IS NOT NULL"),
        postgresql_where=text("settled_at IS NOT NULL"),
    ),
)
"""The truth; an engine only says "now". `next_at`: of a ready order when to call, of one being called when its lease
runs out; NULL for all others, so one small index finds what is due. `accepted_version`: the place's version at
acceptance; only a later look proves. `cards_...`: `core.cards.Cards`, NULL: no call of it was counted. `attempts`: how
many calls failed. `changes`: how often in a row an entry of it was another than was read before."""

removed_entry = Table(
    "removed_entry",
    metadata,
    Column("order_id", ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("key", LargeBinary(32), primary_key=True),
    Column("sealed_ref", LargeBinary, nullable=False),
)
"""Entries of an open order that are seen no more: what is called absent is asked for by its own address as well, until
the order is settled."""

overtaken = Table(
    "overtaken",
    metadata,
    Column("order_id", ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("fence", BigInteger, primary_key=True),
    Column("engine", Text, nullable=False),
    Column("claimed_at", Instant),
    Column("overtaken_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("outcome", Text),
    Column("touched", Integer, nullable=False, server_default=text("0")),
    Column("ended_at", Instant),
)
"""Claims whose lease ran out and whose order another engine took over before they were answered: their calls may still
go out. `answered_at`: by their own, late receipt, with `touched` cards removed or cut. `ended_at`: their engine was
seen to run no more. A row with neither is what a hold waits for."""

evidence = Table(
    "evidence",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("device_id", ForeignKey("device.id"), primary_key=True),
    Column("level", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("how", Text, nullable=False),
    one_of("level", Level),
    Index("ix_evidence_device_id", "device_id", "at"),
)
"""What a device adds to an order that is done; the order's own level is the store's."""

look = Table(
    "look",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("full", Boolean(create_constraint=False), nullable=False),
    Column("version", BigInteger, nullable=False),
)
"""Full looks that were written; a device that fetched after one of them has what it showed."""

witness = Table(
    "witness",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("read_at", Instant, nullable=False),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE"), primary_key=True),
    Column("identifier_id", ForeignKey("identifier.id"), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    Column("removed_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

finding = Table(
    "finding",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("worker_id", ForeignKey("worker.id")),
    Column("place_id", ForeignKey("place.id", ondelete="CASCADE")),
    Column("identifier_id", ForeignKey("identifier.id")),
    Column("case_id", ForeignKey("cases.id", ondelete="SET NULL")),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("disposition", Text),
    Column("pilot", Boolean(create_constraint=False), nullable=False, server_default=text("false")),
    Column("concluded_as", Text),
    Column("due_on", Date),
    Column("put_off_until", Date),
    Column("put_off_why", Text),
    Column("owner_id", ForeignKey("account.id")),
    one_of("kind", FindingKind),
    one_of("concluded_as", Disposition),
    CheckConstraint("(closed_at IS NULL) = (concluded_as IS NULL)", name="ends_as_something"),
    Index(
        "uq_finding_open",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)
"""`disposition`: what a person concluded, in words; `concluded_as`: the same as one of a closed set, without which none
ends. `owner_id`: whose it is. `due_on`: the day a person set; without one it follows from the kind and `opened_at`.
`put_off_until`: before that day nobody is asked about it, for the reason beside it."""

import_run = Table(
    "import_run",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("system_id", ForeignKey("case_system.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("mode", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("closed", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
)

log_entry = Table(
    "log_entry",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("canonical", LargeBinary, nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
)

log_node = Table(
    "log_node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)
"""Roots of the log's perfect subtrees of 256, 65,536 and so on entries (`core.log.merkle.KeptNode`), from which proofs
are made in a few reads. They vouch for nothing: each proof is held against a signed head."""

log_of_order = Table(
    "log_of_order",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("proves", Boolean(create_constraint=False), nullable=False),
)
"""Which entries of the log are about the proof of an order: where they are found without reading the whole of it.
`proves`: it is the proof itself, and commits to the contact; the others raise its level for a phone."""

statement = Table(
    "statement",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("told", Text, nullable=False),
)
"""What proofs in the log say in words, by the digest that stands there (`core.log.receipts`): a few rows."""

log_restricted = Table(
    "log_restricted",
    metadata,
    Column("seq", ForeignKey("log_entry.seq"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""What stands behind a `restricted` entry, for those cleared to see it."""

log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("mark", LargeBinary(32)),
    Column("seal", LargeBinary(32)),
    CheckConstraint("id = 1", name="one"),
)
"""`mark`: names what is kept of the small tables (`table_state`); `seal`: a MAC over frontier and mark."""

table_state = Table(
    "table_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""What the rows of each small table were when the program last wrote one of them: digests, sealed."""

account = Table(
    "account",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("name", Text, unique=True),
    Column("issuer", Text),
    Column("subject", Text),
    Column("password", Text),
    Column("sealed_totp", LargeBinary),
    Column("totp_step", BigInteger, nullable=False, server_default=text("0")),
    Column("worker_id", ForeignKey("worker.id")),
    Column("language", Text),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("handed_out_until", Instant),
    UniqueConstraint("issuer", "subject"),
    CheckConstraint("(name IS NULL) = (issuer IS NOT NULL)", name="local_or_provided"),
    CheckConstraint("(issuer IS NULL) = (subject IS NULL)", name="subject_of_issuer"),
    CheckConstraint("(password IS NULL) = (sealed_totp IS NULL)", name="both_factors"),
    CheckConstraint("password IS NULL OR issuer IS NULL", name="password_is_local"),
)
"""Who may sign in: a neutral name with two factors of our own, or a subject of an identity provider. A local account
without factors is a demo's. `totp_step`: the last time step that was used, so that no code counts twice; `failures`:
wrong tries since the last right one, of which the person is told then; `handed_out_until`: the factors are those that
somebody else handed out, and count until then, for choosing one's own."""

sign_in_count = Table(
    "sign_in_count",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("empty_at", Instant, nullable=False, index=True),
)
"""How full the counts of wrong tries are: keyed hashes of account and asker, and when each will be empty again."""

account_role = Table(
    "account_role",
    metadata,
    Column("account_id", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, primary_key=True),
    one_of("role", Role),
)

web_session = Table(
    "web_session",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("account_id", ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False, index=True),
    Column("proven_at", Instant),
    Column("sealed_hint", LargeBinary),
    Column("provider_session", LargeBinary(32), index=True),
    one_of("role", Role),
    CheckConstraint("began_at <= seen_at", name="seen_after_beginning"),
)
"""Who is signed in. `key` is the hash of what the browser holds; `proven_at`: when the person last proved who they are,
nothing if the provider does not say; `sealed_hint`: the provider's token by which signing out there is asked for;
`provider_session`: the hash of its name of the session there."""

message_taken = Table(
    "message_taken",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("ends_at", Instant, nullable=False, index=True),
)
"""Hashes of the provider's messages that count once, each for as long as it would count."""

api_token = Table(
    "api_token",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("key", LargeBinary(32), nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
    Column("case_system", Text),
    Column("employer", Text),
    Column("owner", Text),
    CheckConstraint("made_at < ends_at", name="ends"),
)
"""What programs show instead of signing in; `key` is the hash of it, `scopes` are words with blanks between them.
`case_system`: whose cases it is about, by name; `employer`: whose workers' cases alone; `owner`: who answers for it."""

pushed_change = Table(
    "pushed_change",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("token_uid", ForeignKey("api_token.uid"), nullable=False),
    Column("key", LargeBinary(32), nullable=False),
    Column("request", LargeBinary(32), nullable=False),
    Column("case_system", Text, nullable=False),
    Column("accepted_at", Instant, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("confirmed_at", Instant),
    UniqueConstraint("token_uid", "key"),
    one_of("state", PushState),
)
"""What a program pushed, kept so that the same request sent again does nothing again. `key`, `request`: keyed hashes of
the sender's key and of what it sent; `confirmed_at`: a person let a stopped one go on."""

approval = Table(
    "approval",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("plan_id", ForeignKey("plan.id"), nullable=False),
    Column("digest", Text, nullable=False),
    Column("asked_by", ForeignKey("account.id"), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("decided_by", ForeignKey("account.id")),
    Column("decided_at", Instant),
    Column("granted", Boolean(create_constraint=False)),
    CheckConstraint("decided_by IS NULL OR decided_by <> asked_by OR NOT granted", name="second_person"),
    CheckConstraint("(decided_at IS NULL) = (granted IS NULL)", name="decided"),
    CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
    Index(
        "uq_approval_open",
        "plan_id",
        unique=True,
        sqlite_where=text("decided_at IS NULL"),
        postgresql_where=text("decided_at IS NULL"),
    ),
)
"""One person asks that a plan be released, another grants it: nobody approves their own act. Who asked may withdraw."""

policy_proposal = Table(
    "policy_proposal",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("replaces", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_by", ForeignKey("account.id"), nullable=False),
    Column("asked_as", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("decided_by", ForeignKey("account.id")),
    Column("decided_at", Instant),
    Column("granted", Boolean(create_constraint=False)),
    Column("counting_at", Instant),
    Column("counted_at", Instant),
    Column("counts", Text),
    Column("replaced", Text),
    CheckConstraint("decided_by IS NULL OR decided_by <> asked_by OR NOT granted", name="second_person"),
    CheckConstraint("(decided_at IS NULL) = (granted IS NULL)", name="decided"),
    CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(counted_at IS NULL) = (counts IS NULL)", name="counted"),
    one_of("asked_as", Role),
)
"""A policy that somebody wants in force in place of the version that it `replaces`; a second person decides. `counts`:
what it would have come to on the register at `counted_at`, by decision and reason, as JSON. `replaced`: the text of the
version that it replaces; null where an earlier version of this program kept the proposal."""

policy_in_force = Table(
    "policy_in_force",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("content", Text),
    Column("put_at", Instant, nullable=False),
    CheckConstraint("id = 1", name="one"),
)
"""The one policy that was put in force: the text of the installation's own file; null: it has none, and follows what is
shipped. A file that says something else was edited by other means than this program."""

deputy = Table(
    "deputy",
    metadata,
    Column("id", numbered, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("team", Text, nullable=False, index=True),
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),
    Column("named_by", ForeignKey("account.id"), nullable=False),
    Column("named_at", Instant, nullable=False),
    Column("until_at", Instant, nullable=False),
    Column("ended_at", Instant),
    CheckConstraint("account_id <> named_by", name="somebody_else"),
    CheckConstraint("named_at < until_at", name="ends"),
)
"""A work supervisor has another one stand in for a team until an instant, so that nothing waits for who is away."""

kept_report = Table(
    "kept_report",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("view", Text, nullable=False),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("asked_as", Text, nullable=False),
    Column("step_at", Instant, nullable=False),
    Column("done", Integer, nullable=False, server_default=text("0")),
    Column("steps", Integer, nullable=False, server_default=text("0")),
    Column("made_at", Instant),
    Column("failed_at", Instant),
    Column("digest", Text),
    Column("sealed", LargeBinary),
    CheckConstraint("(made_at IS NULL) = (sealed IS NULL)", name="made"),
    CheckConstraint("(made_at IS NULL) = (digest IS NULL)", name="made_with_digest"),
    CheckConstraint("made_at IS NULL OR failed_at IS NULL", name="made_or_failed"),
    Index("ix_kept_report_view", "view", "asked_at"),
    one_of("asked_as", Role),
)
"""Reports that were asked for: sealed in their canonical form once made, `done` of `steps` before that."""
