"""Looks at places and writes what was seen; decides nothing about what should be there."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from mdm_adapters.port import (
    ContactStore,
    Fault,
    Field,
    FieldKind,
    Look,
    Match,
    NotBegunError,
    Place,
    PortError,
    Reading,
)
from server.core.identity.case_numbers import CaseNumberFinder
from server.core.identity.tokens import tokens_of_fields
from server.core.log.entries import Body, EntryKind
from server.core.model import Level, State
from server.store import findings, log
from server.store.admin import organisation
from server.store.admin.organisation import PlaceRow
from server.store.database import Connection, StoreUnavailableError
from server.store.phones import managed
from server.store.removal import orders, presence, questions, quiet_looks, work_counts
from server.store.removal.presence import Written
from server.store.removal.work_counts import Done
from server.work.context import Context
from server.work.removal.put_proofs import prove_puts
from server.work.removal.statements import write_proofs

_SEARCHED_FOR_CASE_NUMBERS = 2000
"""Characters of one text; a case number stands in a name or a short note."""


@dataclass(frozen=True, slots=True)
class PlaceRead:
    """What one look came to. fault: why it failed; then what was known stays known, and old.

    proven: orders it settled; returned: orders it found not done although the vendor accepted them.
    """

    place: str
    full: bool
    read: int = 0
    written: Written | None = None
    proven: int = 0
    returned: int = 0
    fault: Fault | None = None


def matcher(context: Context) -> Match:
    """Says of entries which of their fields carry identifiers the register knows: one question for many entries."""
    tokeniser = context.keys.tokeniser
    numbers = CaseNumberFinder(context.policy.case_numbers)

    def match(entries: Sequence[Sequence[Field]]) -> Sequence[Sequence[Reading]]:
        fields = [field for entry in entries for field in entry]
        held = tokens_of_fields(fields, tokeniser)
        with context.store.read() as connection:
            known = presence.known_tokens(
                connection, (token for each in held for group in (*each.groups, each.may_be) for token in group)
            )
        readings = (
            each.reading(
                known,
                case_number=field.kind is FieldKind.TEXT and numbers.found_in(field.text[:_SEARCHED_FOR_CASE_NUMBERS]),
                mark=mark_of(context, field) if each.may_be else b"",
            )
            for field, each in zip(fields, held, strict=True)
        )
        return [list(islice(readings, len(entry))) for entry in entries]

    return match


def matcher_within_a_call(context: Context) -> Match:
    """The same, for the midst of a call: a database that cannot be asked then is no fault of the vendor's."""
    match = matcher(context)

    def ask(entries: Sequence[Sequence[Field]]) -> Sequence[Sequence[Reading]]:
        try:
            return match(entries)
        except StoreUnavailableError:
            raise NotBegunError from None

    return ask


def mark_of(context: Context, field: Field) -> bytes:
    """A keyed hash of a field that could not be read, by which the same text is known again."""
    return context.keys.sealer.hash(field.text.strip().encode("utf-8", "replace").decode(), "field")


def look_at(context: Context, place: PlaceRow, *, full: bool = False) -> PlaceRead:
    """Look at one place and write it; a full look also settles the orders it proves.

    Full if asked, if the vendor has no delta, or if the register has learnt identifiers since the last full look
    (a number registered after its card was read would else never be seen). A look that something overtook is begun
    again once; then it is left to the next pass.
    """
    for _ in range(2):
        answer = _look_once(context, place, full=full)
        if answer is not None:
            return answer
        with context.store.read() as connection:
            place = organisation.read_places(connection, context.today(), ids=[place.id])[0]
    return PlaceRead(place.uid, full)


def _look_once(context: Context, place: PlaceRow, *, full: bool) -> PlaceRead | None:
    adapter = context.stores[place.connection]
    with context.store.read() as connection:
        newest = organisation.newest_identifier(connection)
    full = full or place.look_due or place.full_at is None or place.searched_to < newest
    uid = uuid.uuid4().hex
    try:
        look = _both_ways(context, adapter, place, full=full, mark=uid)
    except PortError as error:
        now = context.now()
        with context.store.write() as connection:
            presence.note_fault(connection, place.id, error, now)
            if place.fault == error.fault.value:
                _enter_quiet(connection, now, failed=True)
            else:
                body: Body = {"look": uid, "place": place.uid, "outcome": "failed", "fault": error.fault.value}
                log.append(connection, now, [(EntryKind.SIGHTING, body)])
            work_counts.add_at(connection, Done.LOOK, place.id, {error.fault.value: 1}, now)
        return PlaceRead(place.uid, full, fault=error.fault)
    now = context.now()
    with context.store.write() as connection:
        written = presence.write_look(
            connection, context.keys.sealer, place, look, uid=uid, when=now, searched_to=newest
        )
        if written is None:
            return None
        questions.ask(connection, place.id, now)
        since = now - timedelta(days=context.policy.answer_days)
        findings.open_findings(connection, questions.overdue(connection, place.id, place.worker, since), now)
        changes = (
            orders.prove(connection, place.id, version=place.version, now=now, policy=context.policy)
            if look.full
            else []
        )
        if look.full:
            prove_puts(context, connection, place, uid)
        orders.wake_changed(connection, place.id, now)
        orders.wake_waiting(connection, place.id, written.fresh, now)
        proven = [change.id for change in changes if change.after is State.DONE]
        returned = [change.id for change in changes if change.after is State.READY]
        if proven:
            managed.mark_due(connection, place.id, now)
        lines: list[tuple[EntryKind, Body]] = [
            (
                EntryKind.SIGHTING,
                {
                    "look": uid,
                    "place": place.uid,
                    "mode": "full" if look.full else "delta",
                    "outcome": "read",
                    "count": look.read,
                    "unreadable": written.unreadable,
                },
            )
        ]
        lines += write_proofs(context, connection, proven, uid, adapter.capabilities())
        lines += [
            (EntryKind.PROOF, {"order": each, "place": place.uid, "look": uid, "outcome": "present"})
            for each in returned
        ]
        if changes or written.moved or written.fresh or place.fault is not None or place.looked_at is None:
            log.append(connection, now, lines)
        else:
            _enter_quiet(connection, now, failed=False)
        work_counts.add_at(connection, Done.LOOK, place.id, {"read": 1}, now)
        work_counts.add_at(connection, Done.PROOF, place.id, {Level.STORE_REMOVED.value: len(proven)}, now)
    return PlaceRead(place.uid, look.full, look.read, written, len(proven), len(returned))


def _enter_quiet(connection: Connection, now: datetime, *, failed: bool) -> None:
    """A look that tells nothing new is told with others, once an hour: the log grows with what happens."""
    told = quiet_looks.count(connection, now, failed=failed)
    if told is not None:
        body: Body = {"mode": "unchanged", "outcome": "read", "count": told.looks, "failed": told.failed}
        body = {**body, "places": told.places, "digest": told.digest}
        log.append(connection, now, [(EntryKind.SIGHTING, body)])


def _both_ways(context: Context, adapter: ContactStore, place: PlaceRow, *, full: bool, mark: str) -> Look:
    """Look at a place; what a full look did not find is asked for by its own address before it is called absent.

    A delta that takes all the book away is not believed either: the book is read in full.
    """
    at, match = Place(place.uid, place.address), matcher(context)
    look = adapter.look(at, match, cursor=None if full else place.cursor, mark=mark)
    if not look.full and len(look.gone) >= max(presence.MANY, place.cards):
        look = adapter.look(at, match, mark=mark)
    if not look.full:
        return look
    with context.store.read() as connection:
        unseen = presence.unseen_handles(connection, context.keys.sealer, place, look)
    hidden = adapter.look_up(at, unseen, match, mark=mark)
    return replace(look, entries=(*look.entries, *hidden))


def look_at_all(
    context: Context, *, full: bool = False, ids: Sequence[int] | None = None, at_once: int = 1
) -> Sequence[PlaceRead]:
    """Look at every place behind an open gate (or these of them); one that fails does not stop the others.

    at_once: how many are looked at side by side, since a vendor's answer is mostly waited for.
    """
    with context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        places = organisation.read_places(connection, context.today(), ids=ids)
    readable = [place for place in places if (demo or place.gated) and place.connection in context.stores]
    with ThreadPoolExecutor(max(1, min(at_once, len(readable)))) as pool:
        answers = pool.map(lambda place: look_at(context, place, full=full), readable)
        looked = []
        for done, answer in enumerate(answers):
            context.progress(done, len(readable))
            looked.append(answer)
    context.progress(len(readable), len(readable))
    context.store.take_stock(sum(each.read for each in looked))
    return looked
