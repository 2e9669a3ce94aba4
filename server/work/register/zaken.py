"""Asks a Zaken API (ZGW) which cases run, and lets the register say so: closed and reopened, nothing else of a case.

What is not readable or contradicts itself changes nothing. A case that is not there any more is not closed: whose its
contacts are is unknown from then on, which is for a person to answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from mdm_adapters.port import Fault, Garbled, Missing, PortError
from server.core.days import midnight
from server.core.log.entries import Body, EntryKind
from server.core.model import Phase
from server.core.register.zgw import ZaakRead, ZaakState, state_of, told_by
from server.sources.klant import Zaken
from server.sources.zaken import ListedCase, ZaakReader
from server.store import log
from server.store.prepared import Direct
from server.store.register import case_services, cases, one_case
from server.store.register.one_case import KnownCase, KnownPhase, ToldCase
from server.work.context import Context
from server.work.register.intake import tripped_by, word
from server.work.register.pushes import case_address


class ZaakOutcome(StrEnum):
    """What became of a case that the service tells otherwise than the register."""

    CLOSED = "closed"
    REOPENED = "reopened"
    SAME = "same"
    GONE = "gone"
    """It is not there any more: kept, and from now on a person says whose its contacts are."""
    MISSING = "missing"
    """Like that, and so many at once that rather the service, or what it shows us, is another: nothing was changed."""
    UNCLEAR = "unclear"
    """End date and status contradict each other, or two cases there have the same number: nothing was changed."""
    STOPPED = "stopped"
    """Far more cases would close than usual: nothing was changed, a person is asked first."""
    TOLD_SINCE = "told_since"
    """It was pushed while this was asked: that counts."""


_MOST_GONE = 20
"""So many may be gone at once before a person is asked whether they are."""
_CHANGES = frozenset({ZaakOutcome.CLOSED, ZaakOutcome.REOPENED, ZaakOutcome.GONE})


@dataclass(frozen=True, slots=True)
class CaseService:
    """A Zaken API that is connected. id: of its connection. system: as which case system the register knows its cases.

    confirms: an end status there is the final closure confirmed in writing.
    """

    id: int
    reader: ZaakReader
    system: str
    confirms: bool


@dataclass(frozen=True, slots=True)
class NotificationGap:
    """What notifications had not told of when all cases were asked for. missed: how many changes. heard_at: when the
    service was last heard; None: never.
    """

    missed: int
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class CasesPolled:
    """What asking came to. listed: cases there. known: those of them that the register knows. fault: why the asking
    ended; what was told until then stays. gap: None: no subscription tells of this service's cases.
    """

    listed: int
    known: int
    outcomes: Counter[ZaakOutcome]
    fault: Fault | None = None
    gap: NotificationGap | None = None


def find_service(context: Context, name: str, *, system: str = "", confirms: bool = False) -> CaseService | None:
    """The Zaken API of a connection; None: it is none, or cannot be used. system, confirms: besides what it says."""
    feed = context.feeds.get(name)
    reader = feed.cases() if isinstance(feed, Zaken) else None
    if reader is None or not isinstance(feed, Zaken):
        return None
    with context.store.read() as connection:
        id_ = case_services.connection_id(connection, name)
    named = system or feed.meant.system
    return None if id_ is None or not named else CaseService(id_, reader, named, confirms or feed.meant.confirms)


def key_of(context: Context, service: int, ref: str) -> bytes:
    """By which a case there is found again, but not read."""
    return context.keys.sealer.hash(f"{service} {ref}", "case_ref.key")


def poll(context: Context, service: CaseService, *, confirmed: bool, name: str = "") -> CasesPolled:
    """Ask of all cases whether they run, and take in what differs, each case by itself.

    confirmed: a person has seen that far more would close than usual, and means it. name: of the connection, to tell
    how much its notifications had not told of.
    """
    began = context.now()
    found: Counter[ZaakOutcome] = Counter()
    try:
        listed = service.reader.read_all()
    except PortError as error:
        return CasesPolled(0, 0, found, error.fault)
    with context.store.read() as connection:
        known = one_case.read_phases(connection, service.system)
        refs = case_services.refs_of(connection, service.id)
        told = case_services.hinted(connection, service.id)
        watch = case_services.find_watch(connection, name)
    times = Counter(each.number for each in listed.cases if each.number in known)
    keys = {each: key_of(context, service.id, each.ref) for each in dict.fromkeys(listed.cases) if each.ref}
    missed, fault = 0, None
    for each in dict.fromkeys(listed.cases):
        if each.number not in known or not _differs(each, known[each.number], confirms=service.confirms):
            continue
        try:
            outcome = (
                ZaakOutcome.UNCLEAR
                if times[each.number] > 1
                else _told(context, service, each, began, confirmed=confirmed)
            )
        except Missing:  # changed just now, or taken away: the next time tells
            outcome = ZaakOutcome.UNCLEAR
        except PortError as error:
            fault = error.fault
            break
        found[outcome] += 1
        missed += outcome in _CHANGES and keys.get(each) not in told
    _learn(context, service, {key: known[one.number] for one, key in keys.items() if one.number in times}, refs)
    lost = _lost(refs, keys.values()) if listed.whole else []
    if len(lost) > _MOST_GONE and not confirmed:
        found[ZaakOutcome.MISSING] = len(lost)
        lost = []
    for key in lost:
        if _gone(context, service, key) is ZaakOutcome.GONE:
            found[ZaakOutcome.GONE] += 1
            missed += key not in told
    _note(context, service, found[ZaakOutcome.STOPPED], missed)
    gap = None if watch is None else NotificationGap(missed, watch.heard_at)
    return CasesPolled(len(listed.cases), len(times), found, fault, gap)


def read_back(context: Context, service: CaseService, ref: str, *, gone: bool) -> ZaakOutcome:
    """Read one case that a notification told of, and let the register say what it says now.

    gone: it was told that the case was deleted. Raises PortError; Missing: the case is not there, though none said so.
    """
    began = context.now()
    try:
        listed = service.reader.read_one(ref)
    except Missing:
        if not gone:
            raise
        return _gone(context, service, key_of(context, service.id, ref))
    if listed.ref not in ("", ref):
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    outcome = _told(context, service, listed, began, confirmed=False, key=key_of(context, service.id, ref))
    if outcome is ZaakOutcome.STOPPED:
        with context.store.write() as connection:
            case_services.note_stopped(connection, service.id)
            log.append(connection, context.now(), [_line(service.system, "stopped", 1)])
    return outcome


def _lost(refs: Mapping[bytes, tuple[int, bool]], there: Iterable[bytes]) -> Sequence[bytes]:
    """What was read there before and is not there now."""
    present = set(there)
    return [key for key, (_, gone) in refs.items() if not gone and key not in present]


def _differs(listed: ListedCase, known: KnownPhase, *, confirms: bool) -> bool:
    """Whether its status is worth asking for."""
    if listed.ended_on is None:
        return known.phase == Phase.CLOSED.value
    return known.phase != Phase.CLOSED.value or (confirms and known.closed_at is None)


def _told(
    context: Context, service: CaseService, listed: ListedCase, began: datetime, *, confirmed: bool, key: bytes = b""
) -> ZaakOutcome:
    """Let the register say of one case what was read back. key: by which it is known; empty: it is learnt elsewhere."""
    final = service.reader.is_final(listed.status) if listed.status else None
    zaak, today = ZaakRead(listed.number, listed.ended_on, final), context.today()
    state = state_of(zaak, today)
    with context.store.write() as connection:
        direct = Direct(connection)
        known = one_case.read_case(direct, one_case.hold_system(direct, service.system), zaak.number)
        if known.id is None or known.content is None:
            return ZaakOutcome.SAME
        if key:
            case_services.learn_refs(connection, service.id, [(key, known.id)])
        shared = bool(key) and case_services.is_shared(connection, service.id, key, known.id)
        if shared or state is ZaakState.UNCLEAR:
            return ZaakOutcome.UNCLEAR
        content = told_by(zaak, known.content, confirms=service.confirms, today=today)
        if content is None:
            return ZaakOutcome.SAME
        told = ToldCase(zaak.number, content, {}, 1, case_address(context, service.system, zaak.number))
        stopped = _apply(context, service, direct, _Change(known, told, began), confirmed=confirmed)
    return stopped or (ZaakOutcome.CLOSED if state is ZaakState.ENDED else ZaakOutcome.REOPENED)


class _Change(NamedTuple):
    """What a case was, what it is now, and since when it was asked."""

    known: KnownCase
    told: ToldCase
    began: datetime


def _apply(
    context: Context, service: CaseService, direct: Direct, change: _Change, *, confirmed: bool
) -> ZaakOutcome | None:
    """Write it; why not, if not."""
    connection, (known, told, began) = direct.connection, change
    now, start = context.now(), midnight(context.today())
    told_at = None if known.id is None else one_case.told_at(connection, known.id)
    if told_at is not None and told_at > began:
        return ZaakOutcome.TOLD_SINCE
    weight = one_case.weigh(connection, known, told.content, start)
    if not confirmed and tripped_by(weight, context.policy.max_closures_factor):
        return ZaakOutcome.STOPPED
    _, lapsed = one_case.apply(direct, known, told, now=now, midnight=start, confirmed=confirmed, whole=False)
    lapse: Body = {"verb": "lapsed", "count": lapsed}
    lines = [(EntryKind.CLOSURE_ANSWERED, lapse)] if lapsed else []
    log.append(connection, now, [*lines, _line(service.system, "applied", 1)])
    return None


def _gone(context: Context, service: CaseService, key: bytes) -> ZaakOutcome:
    """A case is not there any more. One that was never read there is none of the register's that we know of."""
    now = context.now()
    with context.store.write() as connection:
        case_id = case_services.case_of(connection, service.id, key)
        if case_id is None or not case_services.mark_gone(connection, service.id, key, now):
            return ZaakOutcome.SAME
        if case_services.is_shared(connection, service.id, key, case_id):
            return ZaakOutcome.SAME  # another case there has its number, and is there still
        cases.unlink(connection, case_id, now)
        log.append(connection, now, [_line(service.system, "vanished", 1)])
    return ZaakOutcome.GONE


def _learn(
    context: Context,
    service: CaseService,
    found: Mapping[bytes, KnownPhase],
    refs: Mapping[bytes, tuple[int, bool]],
) -> None:
    """Keep which case each is, where that is new."""
    fresh: Sequence[tuple[bytes, int]] = [(k, one.id) for k, one in found.items() if refs.get(k) != (one.id, False)]
    if fresh:
        with context.store.write() as connection:
            case_services.learn_refs(connection, service.id, fresh)


def _note(context: Context, service: CaseService, stopped: int, missed: int) -> None:
    with context.store.write() as connection:
        case_services.note_poll(connection, service.id, context.now(), missed=missed, stopped=stopped)
        if stopped:
            log.append(connection, context.now(), [_line(service.system, "stopped", stopped)])


def _line(system: str, outcome: str, count: int) -> tuple[EntryKind, Body]:
    body: Body = {"case_system": word(system), "mode": "asked", "outcome": outcome, "count": count}
    return EntryKind.REGISTER_CHANGED, body
