"""What was seen where: looks are written here, entries sealed, sightings moved between present, absent and unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, case, delete, exists, func, select, tuple_, update

from mdm_adapters.port import Entry, Look, PortError, Rest, Shape, Token
from server.core.model import FindingKind, Presence, State
from server.core.removal.plan import item_id
from server.store.admin.organisation import PlaceRow
from server.store.database import among, insert, insert_many
from server.store.findings import NewFinding, close_of_entries, close_of_gone, close_of_place, open_findings
from server.store.removal import questions
from server.store.removal.needs import add_pairs
from server.store.removal.putting import put_or_being_put
from server.store.schema.base import (
    IS_OPEN,
    entry,
    entry_identifier,
    finding,
    identifier,
    orders,
    place,
    removed_entry,
    sighting,
    tombstone,
)
from server.store.schema.base import (
    connection as connections,
)
from server.store.schema.base import (
    look as looks,
)
from server.store.seal import Sealer
from server.store.wakeups import wake

MANY = 3
"""Entries: a book that held so many, which we did not remove, and is empty all at once, is asked about."""
_CHUNK = 5000
_FINDING_OF_SHAPE = {
    Shape.UNREADABLE: FindingKind.UNREADABLE_ENTRY,
    Shape.CASE_NUMBER: FindingKind.CASE_NUMBER_ENTRY,
}


@dataclass(frozen=True, slots=True)
class Written:
    """What a written look changed: identifiers by what became of them, and how many entries nobody could read.

    fresh: identifiers in entries that are new or changed and can be removed or cut.
    """

    appeared: frozenset[int]
    gone: frozenset[int]
    present: frozenset[int]
    unreadable: int
    findings: int
    fresh: frozenset[int] = frozenset()
    unread: int = 0
    """Fields that could not be read, in all cards of the book; those that a worker confirmed are not counted."""
    moved: bool = True
    """Whether the look changed anything that is known of an identifier, or opened a question."""


@dataclass(frozen=True, slots=True)
class SeenEntry:
    """An entry as last seen, opened for the engine. identifiers: number -> token of each governed identifier in it."""

    id: int
    ref: str
    version: str | None
    shape: Shape
    identifiers: Mapping[int, Token]
    rest: Rest = Rest.UNSAID


def known_tokens(connection: Connection, tokens: Iterable[Token]) -> dict[Token, int]:
    """Which of these tokens the register knows, with their numbers."""
    wanted = list(dict.fromkeys(tokens))
    known: dict[Token, int] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(
            select(identifier.c.token, identifier.c.id).where(
                identifier.c.token.in_(among(wanted[start : start + _CHUNK]))
            )
        )
        known.update((Token(row.token), row.id) for row in rows)
    return known


def write_look(
    connection: Connection, sealer: Sealer, at: PlaceRow, look: Look, *, uid: str, when: datetime, searched_to: int
) -> Written | None:
    """Write a look that began at `at.version`; None, and nothing written, if the place changed meanwhile.

    searched_to: the newest identifier the register knew when the look began (of a full look).
    """
    values: dict[str, object] = {
        "version": place.c.version + 1,
        "cursor": look.cursor,
        "looked_at": when,
        "look_due": False,
        # One that came while the book was read may tell of what was read before it changed.
        "hinted_at": case((place.c.hinted_at == at.hinted_at, None), else_=place.c.hinted_at),
        "fault": None,
        "fault_at": None,
    }
    emptied = look.full and look.read == 0 and at.cards - _being_removed(connection, at) >= MANY
    if look.full:
        values |= {"full_at": when, "searched_to": searched_to}
    if not emptied:
        values["cards"] = look.read if look.full else max(0, at.cards - len(look.gone))
    moved = connection.execute(update(place).where(place.c.id == at.id, place.c.version == at.version).values(values))
    if moved.rowcount != 1:
        return None
    if look.full:
        connection.execute(looks.insert().values(uid=uid, place_id=at.id, at=when, full=True, version=at.version + 1))
    entries = _write_entries(connection, sealer, at, look, when)
    if emptied:
        entries.findings.append(NewFinding(FindingKind.EMPTY_BOOK, subject=at.uid, worker=at.worker, place=at.id))
    elif look.full:
        close_of_place(connection, FindingKind.EMPTY_BOOK, at.id, when)
    written = _move_sightings(connection, at, when, entries.findings, doubted=emptied)
    return replace(written, fresh=entries.fresh)


def _being_removed(connection: Connection, at: PlaceRow) -> int:
    """How many entries of a place go, or went, by our own doing and are not proven yet."""
    ours = (
        select(entry_identifier.c.entry_id)
        .join(entry, entry.c.id == entry_identifier.c.entry_id)
        .join(
            orders,
            (orders.c.place_id == entry.c.place_id) & (orders.c.identifier_id == entry_identifier.c.identifier_id),
        )
        .where(entry.c.place_id == at.id, orders.c.state.in_((State.CALLING, State.CHECKING)))
        .distinct()
    )
    return int(connection.execute(select(func.count()).select_from(ours.subquery())).scalar_one())


def unseen_handles(connection: Connection, sealer: Sealer, at: PlaceRow, look: Look) -> Sequence[str]:
    """Handles of what concerned us and a full look did not find: to be asked for before anything is called absent."""
    found = {entry_key(sealer, at, each.ref) for each in look.entries}
    stored = connection.execute(select(entry.c.key, entry.c.sealed_ref).where(entry.c.place_id == at.id)).all()
    removed = connection.execute(
        select(removed_entry.c.key, removed_entry.c.sealed_ref)
        .join(orders, orders.c.id == removed_entry.c.order_id)
        .where(orders.c.place_id == at.id)
    ).all()
    unseen = {row.key: row.sealed_ref for row in (*removed, *stored) if row.key not in found}
    return [sealer.open(sealed, f"entry.{key.hex()}") for key, sealed in sorted(unseen.items())]


@dataclass(frozen=True, slots=True)
class _Entries:
    """What became of the entries of a place. findings: to be opened. fresh: as in `Written`."""

    findings: list[NewFinding]
    fresh: frozenset[int]


def _write_entries(connection: Connection, sealer: Sealer, at: PlaceRow, look: Look, when: datetime) -> _Entries:
    keys = {entry_key(sealer, at, each.ref): each for each in look.entries}
    stored = {
        row.key: row
        for row in connection.execute(
            select(entry.c.id, entry.c.key, entry.c.version, entry.c.shape).where(entry.c.place_id == at.id)
        )
    }
    if look.full:
        vanished = [row.id for key, row in stored.items() if key not in keys]
    else:
        touched = {entry_key(sealer, at, ref) for ref in look.changed | look.gone} - keys.keys()
        vanished = [stored[key].id for key in touched & stored.keys()]
    forget_entries(connection, vanished, when)
    changed = {
        key: each
        for key, each in keys.items()
        if key not in stored
        or each.version is None
        or (stored[key].version, stored[key].shape) != (each.version, each.shape)
    }
    statement = insert(connection, entry)
    if changed:
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["place_id", "key"],
                set_={
                    "version": statement.excluded.version,
                    "shape": statement.excluded.shape,
                    "accepted": False,
                    "rest": Rest.UNSAID.value,
                    # Asked about since when it came to hold more, whatever was changed in it since.
                    "asked_at": case((entry.c.shape == statement.excluded.shape, entry.c.asked_at), else_=None),
                },
            ),
            [
                {
                    "place_id": at.id,
                    "key": key,
                    "sealed_ref": sealer.seal(each.ref, f"entry.{key.hex()}"),
                    "version": each.version,
                    "shape": each.shape.value,
                }
                for key, each in changed.items()
            ],
        )
    numbers = _write_identifiers(connection, at, keys)
    questions.write_unread(connection, at.id, keys, when)
    answered = [key for key, each in changed.items() if key in stored and stored[key].shape != each.shape]
    close_of_entries(connection, [questions.entry_uid(key) for key in answered], when)
    findings = [
        NewFinding(kind, subject=questions.entry_uid(key), worker=at.worker, place=at.id)
        for key, each in keys.items()
        if (kind := _FINDING_OF_SHAPE.get(each.shape)) is not None and key in changed
    ]
    can_go = [each for each in changed.values() if each.shape in (Shape.WHOLE, Shape.MIXED)]
    return _Entries(findings, frozenset(numbers[token] for each in can_go for token in each.tokens if token in numbers))


def _write_identifiers(connection: Connection, at: PlaceRow, keys: Mapping[bytes, Entry]) -> Mapping[Token, int]:
    """Which governed identifiers stand in which of these entries, as of now; returns their numbers."""
    numbers = known_tokens(connection, (token for each in keys.values() for token in each.tokens))
    ids = {
        row.key: row.id for row in connection.execute(select(entry.c.id, entry.c.key).where(entry.c.place_id == at.id))
    }
    wanted = {(ids[key], numbers[token]) for key, each in keys.items() for token in each.tokens if token in numbers}
    current = {
        (row.entry_id, row.identifier_id)
        for row in connection.execute(
            select(entry_identifier.c.entry_id, entry_identifier.c.identifier_id)
            .join(entry, entry.c.id == entry_identifier.c.entry_id)
            .where(entry.c.place_id == at.id)
        )
    }
    mine = {ids[key] for key in keys}
    stale = [each for each in current - wanted if each[0] in mine]
    for start in range(0, len(stale), _CHUNK):
        connection.execute(
            delete(entry_identifier).where(
                tuple_(entry_identifier.c.entry_id, entry_identifier.c.identifier_id).in_(stale[start : start + _CHUNK])
            )
        )
    insert_many(
        connection,
        entry_identifier,
        [{"entry_id": entry_id, "identifier_id": number} for entry_id, number in sorted(wanted - current)],
    )
    return numbers


def _move_sightings(
    connection: Connection, at: PlaceRow, when: datetime, findings: list[NewFinding], *, doubted: bool
) -> Written:
    """Move what is known of each identifier. doubted: what was not seen is unknown, whatever the look said."""
    now_there = set(
        connection.execute(
            select(entry_identifier.c.identifier_id)
            .join(entry, entry.c.id == entry_identifier.c.entry_id)
            .where(entry.c.place_id == at.id)
            .distinct()
        ).scalars()
    )
    before = {
        row.identifier_id: row
        for row in connection.execute(
            select(sighting.c.identifier_id, sighting.c.presence, sighting.c.appearance).where(
                sighting.c.place_id == at.id
            )
        )
    }
    unreadable = connection.execute(
        select(func.count())
        .select_from(entry)
        .where(entry.c.place_id == at.id, entry.c.shape == Shape.UNREADABLE, entry.c.accepted.is_(False))
    ).scalar_one()
    doubtful = questions.may_be_there(connection, at.id)
    gone_is = {
        each: Presence.UNKNOWN if unreadable or doubted or each in doubtful else Presence.ABSENT
        for each in before.keys() - now_there
    }
    appeared = {each for each in now_there if each not in before or before[each].presence == Presence.ABSENT}
    back_from_unknown = {each for each in now_there if each in before and before[each].presence == Presence.UNKNOWN}
    gone = {each for each, presence in gone_is.items() if before[each].presence != presence}
    rows = [
        {
            "place_id": at.id,
            "identifier_id": each,
            "presence": Presence.PRESENT.value,
            "appearance": before[each].appearance + (each in appeared) if each in before else 1,
            "first_at": when,
            "since_at": when,
        }
        for each in sorted(appeared | back_from_unknown)
    ]
    if rows:
        statement = insert(connection, sighting)
        new = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["place_id", "identifier_id"],
                set_={"presence": new.presence, "appearance": new.appearance, "since_at": new.since_at},
            ),
            rows,
        )
    for presence in (Presence.ABSENT, Presence.UNKNOWN):
        _leave(connection, at, presence, sorted(each for each in gone if gone_is[each] is presence), when)
    add_pairs(connection, at.worker, sorted(appeared | back_from_unknown), when)
    findings += _reappeared(connection, at, appeared, back_from_unknown, when)
    opened = open_findings(connection, findings, when)
    return Written(
        appeared=frozenset(appeared),
        gone=frozenset(each for each in gone if gone_is[each] is Presence.ABSENT),
        present=frozenset(now_there),
        unreadable=unreadable,
        unread=questions.count_unread(connection, at.id),
        findings=opened,
        moved=bool(appeared or back_from_unknown or gone or opened),
    )


def _leave(connection: Connection, at: PlaceRow, presence: Presence, leaving: Sequence[int], when: datetime) -> None:
    for start in range(0, len(leaving), _CHUNK):
        connection.execute(
            update(sighting)
            .where(sighting.c.place_id == at.id, sighting.c.identifier_id.in_(leaving[start : start + _CHUNK]))
            .values(
                presence=presence,
                since_at=when,
                # Absent and now unknown: if it is seen again it came back, and its order must be a new one.
                appearance=sighting.c.appearance + case((sighting.c.presence == Presence.ABSENT, 1), else_=0),
            )
        )
    if presence is Presence.ABSENT and leaving:
        close_of_gone(connection, at.worker, leaving, when)


def _reappeared(
    connection: Connection, at: PlaceRow, appeared: set[int], back_from_unknown: set[int], when: datetime
) -> list[NewFinding]:
    """Questions about what is watched and is there again; what was unknown in between is asked about once."""
    if not appeared and not back_from_unknown:
        return []
    asked = exists().where(
        finding.c.kind == FindingKind.REAPPEARED,
        finding.c.place_id == tombstone.c.place_id,
        finding.c.identifier_id == tombstone.c.identifier_id,
        finding.c.opened_at >= tombstone.c.removed_at,
    )
    removed_for = (
        select(orders.c.case_id)
        .where(orders.c.place_id == tombstone.c.place_id, orders.c.identifier_id == tombstone.c.identifier_id)
        .order_by(orders.c.settled_at.is_(None), orders.c.settled_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    stones = connection.execute(
        select(tombstone.c.identifier_id, identifier.c.token, asked.label("asked"), removed_for.label("case_id"))
        .join(identifier, identifier.c.id == tombstone.c.identifier_id)
        .where(tombstone.c.place_id == at.id, tombstone.c.expires_at > when)
    )
    ours = put_or_being_put(connection, at.id)
    return [
        NewFinding(
            FindingKind.REAPPEARED,
            subject=item_id(at.uid, Token(row.token)),
            worker=at.worker,
            place=at.id,
            identifier=row.identifier_id,
            case=row.case_id,
        )
        for row in stones
        if row.identifier_id not in ours
        and (row.identifier_id in appeared or (row.identifier_id in back_from_unknown and not row.asked))
    ]


def forget_entries(connection: Connection, ids: Sequence[int], when: datetime) -> None:
    """Entries that are no longer there; what was asked about them is answered by that.

    Their handles are kept for as long as an order on a contact in them is open.
    """
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        kept = (
            select(orders.c.id, entry.c.key, entry.c.sealed_ref)
            .join(entry_identifier, entry_identifier.c.identifier_id == orders.c.identifier_id)
            .join(entry, (entry.c.id == entry_identifier.c.entry_id) & (entry.c.place_id == orders.c.place_id))
            .where(entry.c.id.in_(chunk), IS_OPEN)
        )
        connection.execute(
            insert(connection, removed_entry)
            .from_select(["order_id", "key", "sealed_ref"], kept)
            .on_conflict_do_nothing()
        )
        keys = connection.execute(select(entry.c.key).where(entry.c.id.in_(chunk))).scalars().all()
        close_of_entries(connection, [questions.entry_uid(key) for key in keys], when)
        connection.execute(delete(entry).where(entry.c.id.in_(chunk)))


def entries_holding(
    connection: Connection, sealer: Sealer, place_id: int, identifiers: Sequence[int]
) -> Sequence[SeenEntry]:
    """Entries of a place that hold any of these identifiers, each with all the governed identifiers in it."""
    # `+ 0`: by the identifiers, which a book's few cards have, and not by the place, whose cards are thousands.
    holding = (
        select(entry_identifier.c.entry_id)
        .join(entry, entry.c.id == entry_identifier.c.entry_id)
        .where(entry.c.place_id + 0 == place_id, entry_identifier.c.identifier_id.in_(among(identifiers)))
    )
    rows = connection.execute(
        select(
            *(entry.c.id, entry.c.key, entry.c.sealed_ref, entry.c.version, entry.c.shape, entry.c.rest),
            *(entry_identifier.c.identifier_id, identifier.c.token),
        )
        .join(entry_identifier, entry_identifier.c.entry_id == entry.c.id)
        .join(identifier, identifier.c.id == entry_identifier.c.identifier_id)
        .where(entry.c.id.in_(holding))
        .order_by(entry.c.id)
    ).all()
    found: dict[int, SeenEntry] = {}
    inside: dict[int, dict[int, Token]] = {}
    for row in rows:
        if row.id not in found:
            inside[row.id] = {}
            ref = sealer.open(row.sealed_ref, f"entry.{row.key.hex()}")
            found[row.id] = SeenEntry(row.id, ref, row.version, Shape(row.shape), inside[row.id], Rest(row.rest))
        inside[row.id][row.identifier_id] = Token(row.token)
    return list(found.values())


def seen_at(
    connection: Connection, places: Collection[int], identifiers: Collection[int]
) -> frozenset[tuple[int, int]]:
    """Which of these identifiers were last seen present at which of these places, as (place, identifier)."""
    rows = connection.execute(
        select(sighting.c.place_id, sighting.c.identifier_id).where(
            sighting.c.place_id.in_(among(places)),
            sighting.c.identifier_id.in_(among(identifiers)),
            sighting.c.presence == Presence.PRESENT,
        )
    )
    return frozenset((row.place_id, row.identifier_id) for row in rows)


def note_fault(connection: Connection, place_id: int, error: PortError, when: datetime) -> None:
    """A look failed: what was known stays known, and is told to be old."""
    connection.execute(
        update(place).where(place.c.id == place_id).values(fault=error.fault.value, fault_at=when, hinted_at=None)
    )


def ask_for_look(connection: Connection, place_ids: Sequence[int]) -> None:
    """These places are to be read again, in full."""
    connection.execute(update(place).where(place.c.id.in_(place_ids)).values(look_due=True))


def take_hint(connection: Connection, uid: str, connection_name: str, when: datetime, *, missed: bool) -> bool:
    """A place of this connection is to be looked at soon; in full, if changes went untold. False: there is none."""
    ours = select(connections.c.id).where(connections.c.name == connection_name).scalar_subquery()
    values: dict[str, object] = {"hinted_at": when, **({"look_due": True} if missed else {})}
    told = connection.execute(update(place).where(place.c.uid == uid, place.c.connection_id == ours).values(values))
    if told.rowcount:
        wake(connection)
    return told.rowcount == 1


def hinted(connection: Connection) -> Sequence[int]:
    """Places that their vendor told of since they were last read."""
    return connection.execute(select(place.c.id).where(place.c.hinted_at.is_not(None))).scalars().all()


def drop_hints(connection: Connection, place_ids: Sequence[int]) -> None:
    """Forget hints about places that may not be read."""
    connection.execute(update(place).where(place.c.id.in_(place_ids)).values(hinted_at=None))


def accept_entries(connection: Connection, uids: Collection[str], when: datetime) -> frozenset[str]:
    """A person looked at unreadable entries and found nothing of ours: as they are now, they block no proof any more.

    Returns those that there are.
    """
    wanted = set(uids)
    if not wanted:
        return frozenset()
    rows = connection.execute(
        select(entry.c.id, entry.c.key, entry.c.place_id).where(entry.c.shape == Shape.UNREADABLE)
    )
    found = {uid: row for row in rows if (uid := questions.entry_uid(row.key)) in wanted}
    ids = [row.id for row in found.values()]
    for start in range(0, len(ids), _CHUNK):
        connection.execute(update(entry).where(entry.c.id.in_(ids[start : start + _CHUNK])).values(accepted=True))
    if found:
        ask_for_look(connection, sorted({row.place_id for row in found.values()}))
    confirmed = questions.confirm_entries(connection, wanted - found.keys(), when)
    close_of_entries(connection, sorted(found.keys() | confirmed), when)
    return frozenset(found) | confirmed


def accept_empty(connection: Connection, place_uids: Collection[str]) -> None:
    """A person looked at books that were suddenly empty: as they are now, they may prove what they show."""
    connection.execute(update(place).where(place.c.uid.in_(among(place_uids))).values(cards=0, look_due=True))


def entry_key(sealer: Sealer, at: PlaceRow, ref: str) -> bytes:
    """The keyed hash by which an entry is found again."""
    return sealer.hash(ref, f"entry.{at.uid}")


def sightings_count(connection: Connection) -> int:
    """How many governed contacts are present, over all places."""
    return int(
        connection.execute(
            select(func.count()).select_from(sighting).where(and_(sighting.c.presence == Presence.PRESENT))
        ).scalar_one()
    )
