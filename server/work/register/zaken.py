"""Asks a Zaken API (ZGW) which cases run, and lets the register say so: closed and reopened, nothing else of a case.

What is not there, not readable or contradicts itself changes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mdm_adapters.port import Fault, Missing, PortError
from server.core.days import midnight
from server.core.log.entries import Body, EntryKind
from server.core.model import Phase
from server.core.register.zgw import ZaakRead, ZaakState, state_of, told_by
from server.sources.zaken import ListedCase, ZaakReader
from server.store import log
from server.store.prepared import Direct
from server.store.register import one_case
from server.store.register.one_case import ToldCase
from server.work.context import Context
from server.work.register.intake import tripped_by, word
from server.work.register.pushes import case_address


class ZaakOutcome(StrEnum):
    """What became of a case that the service tells otherwise than the register."""

    CLOSED = "closed"
    REOPENED = "reopened"
    SAME = "same"
    UNCLEAR = "unclear"
    """End date and status contradict each other, or two cases there have the same number: nothing was changed."""
    STOPPED = "stopped"
    """Far more cases would close than usual: nothing was changed, a person is asked first."""
    TOLD_SINCE = "told_since"
    """It was pushed while this was asked: that counts."""


@dataclass(frozen=True, slots=True)
class CasesPolled:
    """What asking came to. listed: cases there. known: those of them that the register knows. fault: why the asking
    ended; what was told until then stays.
    """

    listed: int
    known: int
    outcomes: Counter[ZaakOutcome]
    fault: Fault | None = None


def poll(context: Context, reader: ZaakReader, system: str, *, confirms: bool, confirmed: bool) -> CasesPolled:
    """Ask of all cases whether they run, and take in what differs, each case by itself.

    confirms: an end status there is the final closure confirmed in writing. confirmed: a person has seen that far more
    would close than usual, and means it.
    """
    began = context.now()
    found: Counter[ZaakOutcome] = Counter()
    try:
        listed = reader.read_all()
    except PortError as error:
        return CasesPolled(0, 0, found, error.fault)
    with context.store.read() as connection:
        known = one_case.read_phases(connection, system)
    times = Counter(each.number for each in listed if each.number in known)
    fault = None
    for each in dict.fromkeys(listed):
        if each.number not in known or not _differs(each, *known[each.number], confirms=confirms):
            continue
        if times[each.number] > 1:
            found[ZaakOutcome.UNCLEAR] += 1
            continue
        try:
            zaak = ZaakRead(each.number, each.ended_on, reader.is_final(each.status) if each.status else None)
        except Missing:  # changed just now, or taken away: the next time tells
            found[ZaakOutcome.UNCLEAR] += 1
            continue
        except PortError as error:
            fault = error.fault
            break
        found[_tell(context, system, zaak, began, confirms=confirms, confirmed=confirmed)] += 1
    stopped = found[ZaakOutcome.STOPPED]
    if stopped:
        with context.store.write() as connection:
            log.append(connection, context.now(), [_line(system, "stopped", stopped)])
    return CasesPolled(len(listed), len(times), found, fault)


def _differs(listed: ListedCase, phase: str, closed_at: datetime | None, *, confirms: bool) -> bool:
    """Whether its status is worth asking for."""
    if listed.ended_on is None:
        return phase == Phase.CLOSED.value
    return phase != Phase.CLOSED.value or (confirms and closed_at is None)


def _tell(
    context: Context, system: str, zaak: ZaakRead, began: datetime, *, confirms: bool, confirmed: bool
) -> ZaakOutcome:
    """Let the register say of one case what was read back."""
    now, today = context.now(), context.today()
    state = state_of(zaak, today)
    if state is ZaakState.UNCLEAR:
        return ZaakOutcome.UNCLEAR
    with context.store.write() as connection:
        direct = Direct(connection)
        known = one_case.read_case(direct, one_case.hold_system(direct, system), zaak.number)
        content = known.content and told_by(zaak, known.content, confirms=confirms, today=today)
        if known.id is None or content is None:
            return ZaakOutcome.SAME
        told_at = one_case.told_at(connection, known.id)
        if told_at is not None and told_at > began:
            return ZaakOutcome.TOLD_SINCE
        weight = one_case.weigh(connection, known, content, midnight(today))
        if not confirmed and tripped_by(weight, context.policy.max_closures_factor):
            return ZaakOutcome.STOPPED
        told = ToldCase(zaak.number, content, {}, 1, case_address(context, system, zaak.number))
        _, lapsed = one_case.apply(direct, known, told, now=now, midnight=midnight(today), confirmed=confirmed)
        lapse: Body = {"verb": "lapsed", "count": lapsed}
        lines = [(EntryKind.CLOSURE_ANSWERED, lapse)] if lapsed else []
        log.append(connection, now, [*lines, _line(system, "applied", 1)])
    return ZaakOutcome.CLOSED if state is ZaakState.ENDED else ZaakOutcome.REOPENED


def _line(system: str, outcome: str, count: int) -> tuple[EntryKind, Body]:
    body: Body = {"case_system": word(system), "mode": "asked", "outcome": outcome, "count": count}
    return EntryKind.REGISTER_CHANGED, body
