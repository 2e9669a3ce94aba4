"""MDM systems at work: lists, what a removal calls for on the phones (step 7b), what phones tell; no wording.

A removal in a store marks the phones that read it as due, in the transaction that settles it. Here they are asked to
synchronise and to say how they are configured: one ask for each phone whatever number of orders called for it,
committed before the call, with no transaction open during it, and the same command again after a crash. A manager that
fails blocks nothing and undoes nothing. No answer raises the level of an order, but for one: the account that we took
off a phone is gone from it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mdm_adapters.phones import Ask, AskState, Mdm, Phone, PhoneCapability, Posture, Told
from mdm_adapters.port import CapabilityAnswer, Fault, Garbled, PortError, Support, Trial
from server.core.log.entries import Body, EntryKind
from server.core.model import Role
from server.core.phones.asks import Asked, AskStanding, is_shown
from server.core.removal.order_state import wait_seconds
from server.store import log
from server.store.admin import pauses
from server.store.database import Connection
from server.store.phones import managed, pages, repush
from server.store.phones.managed import AskSettled, ClaimedAsk, Inventory, KnownPhone
from server.store.phones.repush import RepushRow
from server.work.context import Context

_MOST_PHONES = 100_000
"""A manager with more phones than this is taken for one that never ends its list."""
_LIST_EVERY = timedelta(hours=4)
_LIST_AGAIN = timedelta(minutes=15)
"""After a list that failed, at the least."""
_POSTURE_EVERY = timedelta(hours=24)
_REST = timedelta(minutes=10)
"""How long a phone is left alone after it was asked to synchronise; what is removed meanwhile is one with the next."""
_SLICE = 50
"""Asks taken under one lease, and settled in one transaction."""
_MOST_AT_ONCE = 5_000
"""Asks of one run; what is left is due for the next."""
_FOLLOW_FIRST, _FOLLOW_LATEST = timedelta(minutes=15), timedelta(hours=6)
_WORTH_WAITING = timedelta(days=7)
_ENOUGH_FAULTS = 3
"""After this many faults in a row a manager is left alone for the rest of a run."""
_NEEDS: Mapping[Asked, PhoneCapability] = {
    Asked.SYNC: PhoneCapability.SYNC,
    Asked.POSTURE: PhoneCapability.READ_POSTURE,
    Asked.PULL: PhoneCapability.PULL_PROFILE,
    Asked.PUSH: PhoneCapability.PUSH_PROFILE,
}


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What listing a manager's phones came to. fault: why it could not be; then what was known stays known, and old."""

    connection: str
    inventory: Inventory | None = None
    apps: int = 0
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Enforced:
    """What a run asked of phones: by what and how far it came, and the faults met."""

    asked: Counter[tuple[Asked, AskStanding]] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many asks were taken up."""
        return sum(self.asked.values())


@dataclass(frozen=True, slots=True)
class Heard:
    """What an event came to: things it told, and how many were of phones not known here."""

    told: int
    strangers: int


# --- listing ------------------------------------------------------------------------------------------------------


def refresh(context: Context, *, force: bool = False, names: Sequence[str] | None = None) -> Sequence[Refreshed]:
    """List the phones of every manager whose list is due (force: of all), match them, and look for watched apps.

    One that fails does not stop the others.
    """
    wanted = sorted(set(context.mdms) if names is None else set(context.mdms) & set(names))
    with context.store.read() as connection:
        states = managed.manager_states(connection, wanted)
    now = context.now()
    due = [each.connection for each in states if force or each.next_at is None or each.next_at <= now]
    return [_refresh_one(context, name) for name in due]


def _refresh_one(context: Context, name: str) -> Refreshed:
    mdm = context.mdms[name]
    try:
        listed = mdm.list_phones()
        if len(listed) > _MOST_PHONES:
            raise Garbled(Fault.NO_END)
    except PortError as error:
        return _not_listed(context, name, error)
    now = context.now()
    with context.store.write() as connection:
        number = managed.connection_id(connection, name)
        if number is None:
            return Refreshed(name, fault=Fault.PLACE_GONE)
        inventory = managed.put_inventory(connection, context.keys.sealer, number, listed, now, whole=_lists_all(mdm))
        if _can(mdm, Asked.POSTURE):
            managed.ask_postures(
                connection, number, now, context.today(), older_than=_POSTURE_EVERY, limit=_MOST_AT_ONCE
            )
        managed.keep_listing(connection, number, listed_at=now, next_at=now + _LIST_EVERY)
        body: Body = {"vendor": name, "outcome": "listed", "count": inventory.listed, "present": inventory.matched}
        log.append(connection, now, [(EntryKind.PHONES_LISTED, body)])
    try:
        apps = _look_for_apps(context, name, mdm)
    except PortError as error:
        return Refreshed(name, inventory, fault=error.fault)
    return Refreshed(name, inventory, apps)


def _lists_all(mdm: Mdm) -> bool:
    return mdm.capabilities()[PhoneCapability.LIST_PHONES].support is Support.YES


def _not_listed(context: Context, name: str, error: PortError) -> Refreshed:
    now = context.now()
    again = max(_LIST_AGAIN, timedelta(seconds=wait_seconds(error, 1)))
    with context.store.write() as connection:
        number = managed.connection_id(connection, name)
        if number is not None:
            managed.keep_fault(connection, number, error.fault.value, now, next_at=now + again)
        body: Body = {"vendor": name, "outcome": "failed", "fault": error.fault.value}
        log.append(connection, now, [(EntryKind.PHONES_LISTED, body)])
    return Refreshed(name, fault=error.fault)


def _look_for_apps(context: Context, name: str, mdm: Mdm) -> int:
    """Where the watched apps are, of phones behind a gate alone; what was not asked is not kept, whoever tells it."""
    watched = context.watched()
    if not watched or mdm.capabilities()[PhoneCapability.FIND_APPS].support is Support.NO:
        return 0
    with context.store.read() as connection:
        known = managed.askable_phones(connection, context.keys.sealer, name, context.today())
    if not known:
        return 0
    sights = mdm.find_apps(watched, [each.phone for each in known])
    keys = {each.key for each in watched}
    with context.store.write() as connection:
        ids = {each.phone.ref: each.id for each in known}
        return managed.write_apps(connection, ids, (each for each in sights if each.app in keys), context.now())


# --- asking -------------------------------------------------------------------------------------------------------


def enforce(context: Context) -> Enforced:
    """Ask phones what removals, lists and releases call for, and follow what was asked; returns when nothing is due.

    Where removing is paused no phone is asked anew to fetch or to give up an account; one that was taken off is put on.
    """
    total = Enforced()
    if not context.mdms or context.policy.report_only:
        return total
    can = {name: [what for what in Asked if _can(mdm, what)] for name, mdm in context.mdms.items()}
    tired: Counter[str] = Counter()
    for _ in range(_MOST_AT_ONCE // _SLICE):
        now = context.now()
        names = [name for name in can if tired[name] < _ENOUGH_FAULTS]
        with context.store.write() as connection:
            paused = pauses.paused(connection, now)
            free = {name: what for name, what in can.items() if not paused.covers(name)}
            managed.make_asks(connection, free, now, context.today(), rest=_REST, limit=_SLICE)
            claimed = managed.claim_asks(
                connection,
                context.keys.sealer,
                names,
                now,
                context.today(),
                lease=context.lease,
                limit=_SLICE,
                paused=can.keys() - free.keys(),
            )
        if not claimed:
            break
        _settle(context, [(each, _ask(context, each, tired, now + context.lease)) for each in claimed], total)
    now = context.now()
    with context.store.write() as connection:
        # What nobody took up (a hold, a closed gate, a manager that fails) is not tried again and again at once.
        managed.postpone(connection, list(can), now, now + _LIST_AGAIN)
    return total


def _can(mdm: Mdm, what: Asked) -> bool:
    return mdm.capabilities()[_NEEDS[what]].support is not Support.NO


def _ask(context: Context, each: ClaimedAsk, tired: Counter[str], until: datetime) -> Ask | None:
    """Call the manager, with no transaction open; None: it was not called, and is due again soon."""
    name = each.at.connection
    if tired[name] >= _ENOUGH_FAULTS or context.now() >= until or _is_paused(context, each):
        return None
    ask = _call(context, context.mdms[name], each)
    tired[name] = tired[name] + 1 if ask.error is not None else 0
    return ask


def _is_paused(context: Context, each: ClaimedAsk) -> bool:
    """Whether a pause was set since it was claimed. What was asked before is followed."""
    if each.state is not AskStanding.DUE or each.what not in managed.PAUSED:
        return False
    with context.store.read() as connection:
        return pauses.paused(connection, context.now()).covers(each.at.connection)


def _call(context: Context, mdm: Mdm, each: ClaimedAsk) -> Ask:
    phone, command = each.at.phone, each.command
    if each.state is not AskStanding.DUE:
        return mdm.follow(phone, each.handle or command)
    if each.what is Asked.SYNC:
        return mdm.sync(phone, command)
    if each.what is Asked.POSTURE:
        return mdm.ask_posture(phone, context.watched(), command)
    # A phone's account is taken off only where it can be put on again.
    profile = context.account_profile(each.at.connection, phone, each.at.uid)
    if profile is None or not (_can(mdm, Asked.PULL) and _can(mdm, Asked.PUSH)):
        return Ask(AskState.FAILED)
    if each.what is Asked.PULL:
        return mdm.pull(phone, profile.identifier, command)
    return mdm.push(phone, profile, command)


def _settle(context: Context, answers: Sequence[tuple[ClaimedAsk, Ask | None]], total: Enforced) -> None:
    """Write what became of asks, and what phones told, in one transaction."""
    now = context.now()
    settled = {each.id: _settlement(context, each, ask, now) for each, ask in answers}
    lines: list[tuple[EntryKind, Body]] = []
    with context.store.write() as connection:
        ours = {each.id for each in managed.settle_asks(connection, list(settled.values()), now)}
        for each, ask in answers:
            if ask is None:
                continue
            state, fault = settled[each.id].state, settled[each.id].fault
            if is_shown(each.what, state):
                total.asked[each.what, state] += 1
            if ask.error is not None:
                total.faults[ask.error.fault] += 1
            if each.id in ours:
                if each.what is not Asked.PULL or is_shown(each.what, state):
                    body: Body = {
                        "phone": each.at.uid,
                        "what": each.what.value,
                        "outcome": state.value,
                        "fault": fault,
                        "attempt": each.attempts,
                    }
                    lines.append((EntryKind.PHONE_ASKED, body))
                if state is AskStanding.DONE:
                    managed.follow_up(connection, each.at.id, each.what, each.repush, now)
            if ask.posture is not None:
                lines += _keep(connection, context, each.at, ask.posture, now)
        log.append(connection, now, lines)


_STANDING: Mapping[AskState, AskStanding] = {
    AskState.ACCEPTED: AskStanding.ACCEPTED,
    AskState.WAITING: AskStanding.WAITING,
    AskState.DONE: AskStanding.DONE,
    AskState.FAILED: AskStanding.FAILED,
    AskState.UNKNOWN: AskStanding.UNKNOWN,
}


def _settlement(context: Context, each: ClaimedAsk, ask: Ask | None, now: datetime) -> AskSettled:
    if ask is None:
        return AskSettled(each.id, each.fence, each.state, now + _LIST_AGAIN)
    worth = now - each.made_at < _WORTH_WAITING
    if ask.error is not None:
        wait = timedelta(seconds=wait_seconds(ask.error, each.attempts))
        state = each.state if worth else AskStanding.LAPSED
        return AskSettled(each.id, each.fence, state, now + wait if worth else None, fault=ask.error.fault.value)
    first = each.state is AskStanding.DUE
    state = _STANDING[ask.state]
    if state is AskStanding.UNKNOWN and not first:
        state = each.state  # who cannot say how far it has come undoes nothing of what was said before
    if state in (AskStanding.DONE, AskStanding.FAILED):
        return AskSettled(each.id, each.fence, state, None, ask.command, asked=first)
    if not worth:
        return AskSettled(each.id, each.fence, AskStanding.LAPSED, None, ask.command, asked=first)
    follows = context.mdms[each.at.connection].capabilities()
    if all(
        follows[capability].support is Support.NO
        for capability in (PhoneCapability.COMMAND_STATUS, PhoneCapability.PHONE_EVENTS)
    ):
        return AskSettled(each.id, each.fence, state, None, ask.command, asked=first)  # nobody will ever tell more
    wait = min(_FOLLOW_LATEST, _FOLLOW_FIRST * 2 ** min(each.attempts - 1, 10))
    return AskSettled(each.id, each.fence, state, now + wait, ask.command, asked=first)


# --- what phones tell ---------------------------------------------------------------------------------------------


def hear(context: Context, name: str, headers: Mapping[str, str], body: bytes) -> Heard:
    """Take in an event of a manager. Denied: its sender is not proven; Garbled: it is none; KeyError: no such manager.

    The same event twice, or events in another order, come to the same: the latest of each aspect counts, and what has
    ended stays ended.
    """
    told = context.mdms[name].hear(headers, body)
    if not told:  # most that a phone says is that it has nothing more to say
        return Heard(0, 0)
    heard, unknown = _take_in(context, name, told)
    if not unknown:
        return heard
    introduced = _introduced(context.mdms[name], unknown)
    now = context.now()
    with context.store.write() as connection:
        number = managed.connection_id(connection, name)
        if number is None:
            return heard
        if introduced:
            managed.put_inventory(connection, context.keys.sealer, number, introduced, now, whole=False)
        if len(introduced) < len(unknown):
            managed.ask_for_listing(connection, number, now)
    if not introduced:
        return heard
    _, still = _take_in(context, name, [each for each in told if each.phone in unknown])
    return Heard(len(told), heard.strangers - len(unknown) + len(still))


def _take_in(context: Context, name: str, told: Sequence[Told]) -> tuple[Heard, AbstractSet[str]]:
    """Keep what was told of phones that are known here; and which are not, though they did not leave."""
    now = context.now()
    strangers = 0
    unknown: set[str] = set()
    lines: list[tuple[EntryKind, Body]] = []
    with context.store.write() as connection:
        for each in told:
            at = managed.find_phone(connection, context.keys.sealer, name, each.phone)
            if at is None:
                strangers += 1
                if each.enrolled is not False:
                    unknown.add(each.phone)
                continue
            managed.note_seen(connection, at.id, now)
            if each.enrolled is False:
                managed.note_left(connection, [at.id], now)
                lines.append((EntryKind.PHONE_TOLD, {"phone": at.uid, "what": "left"}))
                continue
            if each.command is not None and each.state is not None and each.state is not AskState.UNKNOWN:
                managed.hear_of_ask(connection, at.id, each.command, _STANDING[each.state], now)
            if each.posture is not None:
                lines += _keep(connection, context, at, each.posture, now)
        log.append(connection, now, lines)
    return Heard(len(told), strangers), unknown


def _introduced(mdm: Mdm, refs: AbstractSet[str]) -> Sequence[Phone]:
    """Phones that an event tells of for the first time, of a manager that knows them by its events alone."""
    if not refs or _lists_all(mdm):
        return ()
    try:
        return [each for each in mdm.list_phones() if each.ref in refs]
    except PortError:
        return ()  # its next event introduces it


def _keep(
    connection: Connection, context: Context, at: KnownPhone, posture: Posture, now: datetime
) -> list[tuple[EntryKind, Body]]:
    """Keep a posture, if it is of that phone and may be read; the lines of the log that tell of it."""
    if posture.phone != at.phone.ref or not managed.is_readable(connection, at.id, context.today()):
        return []
    read = managed.write_posture(connection, at, posture, now, apps=frozenset(each.key for each in context.watched()))
    lines: list[tuple[EntryKind, Body]] = [
        (EntryKind.PHONE_TOLD, {"phone": at.uid, "what": "posture", "count": len(posture.facts)})
    ]
    lines += [
        (EntryKind.EVIDENCE_RAISED, {"order": order, "level": "container_removed", "what": "device"})
        for order, _ in read.gone
    ]
    return lines


# --- phones that stopped syncing --------------------------------------------------------------------------------------


def propose_repush(context: Context) -> RepushRow | None:
    """Propose to take the account off phones that stopped syncing and put it on again; None: there are none or no rule.

    Nothing is asked of them before a person releases it.
    """
    if not context.policy.stubborn_days or not context.mdms:
        return None
    now = context.now()
    able = [name for name, mdm in context.mdms.items() if _can(mdm, Asked.PULL) and _can(mdm, Asked.PUSH)]
    with context.store.write() as connection:
        before = now - timedelta(days=context.policy.stubborn_days)
        found = repush.stubborn_phones(connection, able, before, context.today())
        if not found:
            return None
        digest = hashlib.sha256("\n".join(sorted(uid for _, uid in found)).encode()).hexdigest()
        uid = repush.propose_repush(
            connection, [number for number, _ in found], policy=context.policy.version, digest=digest, now=now
        )
        body: Body = {"plan": uid, "what": "repush", "outcome": "proposed", "count": len(found)}
        log.append(connection, now, [(EntryKind.PHONE_ASKED, body)])
        return next(row for row in repush.read_repushes(connection) if row.uid == uid)


def answer_repush(context: Context, uid: str, role: Role, *, grant: bool) -> int | None:
    """Release a proposal, or refuse it; how many phones are to be asked. None: no such proposal waits."""
    now = context.now()
    with context.store.write() as connection:
        count = repush.answer_repush(connection, uid, now, role.value, grant=grant)
        if count is None:
            return None
        body: Body = {
            "plan": uid,
            "what": "repush",
            "outcome": "released" if grant else "refused",
            "count": count,
            "actor_role": role.value,
        }
        log.append(connection, now, [(EntryKind.PHONE_ASKED, body)])
    return count


@dataclass(frozen=True, slots=True)
class ManagerChecked:
    """One manager tried: what works, what it can and cannot, how many of its phones are known here."""

    connection: str
    trials: tuple[Trial, ...]
    capabilities: Mapping[PhoneCapability, CapabilityAnswer]
    phones: int
    unmatched: int


def check_managers(context: Context) -> Sequence[ManagerChecked]:
    """Try every MDM system without asking anything of a phone."""
    with context.store.read() as connection:
        lines = pages.read_phones(connection)
    return [
        ManagerChecked(
            name,
            tuple(mdm.check()),
            mdm.capabilities(),
            sum(each.connection == name for each in lines),
            sum(each.connection == name and each.worker is None for each in lines),
        )
        for name, mdm in sorted(context.mdms.items())
    ]


def is_due(context: Context) -> bool:
    """Whether something is to be asked of phones, or a manager's list is due."""
    now = context.now()
    with context.store.read() as connection:
        states = managed.manager_states(connection, list(context.mdms))
        next_at = managed.next_ask(connection, list(context.mdms), context.today())
    listing = any(each.next_at is None or each.next_at <= now for each in states)
    return listing or (next_at is not None and next_at <= now)


def work_on_phones(context: Context) -> Enforced:
    """All that is due at MDM systems: lists, proposals, asks. Both engines call it.

    Where the policy only reports, lists are read and no phone is asked for anything.
    """
    if not context.mdms:
        return Enforced()
    refresh(context)
    if context.policy.report_only:
        return Enforced()
    propose_repush(context)
    return enforce(context)
