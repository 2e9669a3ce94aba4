"""Reports at fixed times: makes those whose period is over, and mails that they are ready; safe to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.reports.removals import View, view_for
from server.core.reports.schedule import Scheduled
from server.render.admin.mails import LetterKind, write_letter
from server.render.words import Words
from server.store.reports import sent as told
from server.work import mail
from server.work.context import Context
from server.work.mail import Post
from server.work.removal import attestations
from server.work.reports import library
from server.work.reports.catalogue import REPORTS
from server.work.usage.consent import keep_to_consent
from server.work.usage.reminders import remind

_LONGEST = 3600.0
"""Seconds to wait for one report."""


class ScheduleRefusedError(Exception):
    """The schedule names a report that there is not, or that is not for that role; `report` is its key."""

    def __init__(self, report: str) -> None:
        super().__init__(report)
        self.report = report


@dataclass(frozen=True, slots=True)
class Punctual:
    """What a round came to. made: reports made now. told: letters taken. not_sent: letters the mail server refused.

    unmade: reports that could not be made.
    """

    made: int = 0
    told: int = 0
    not_sent: int = 0
    unmade: int = 0


def keep_to(
    context: Context, schedule: Sequence[Scheduled], *, remind_in: str | None = None, ask_in: str | None = None
) -> Punctual:
    """Make every report that is due and tell those who are named; each once, also after a failure half-way.

    A period before the first look is passed over: the schedule begins with the first that can be told of.

    remind_in: a language; then workers are also reminded of declarations that want signing. ask_in: the same of what
    they have not stated yet about numbers saved elsewhere.

    Raises ScheduleRefusedError before anything is made, and MailFailedError if no mail can be sent at all.
    """
    for each in schedule:
        kind = REPORTS.get(each.report)
        if kind is None or each.role not in kind.roles:
            raise ScheduleRefusedError(each.report)
    made = unmade = sent = refused = 0
    for each in schedule:
        uid = _made(context, each)
        if uid is None and library.lies_before_first_look(
            context, each.role, each.report, each.period(context.today()).last
        ):
            continue  # a young installation: there is nothing to tell of those days, and nothing failed
        if uid is None:
            uid = _make(context, each)
            made, unmade = made + (uid is not None), unmade + (uid is None)
        if uid is not None:
            taken, left = _tell(context, each, uid)
            sent, refused = sent + taken, refused + left
    if context.tells_evidence:
        keep_to_consent(context, context.evidence())
    if remind_in is not None:
        reminded = remind(context, context.evidence(), language=remind_in)
        sent, refused = sent + reminded.sent, refused + reminded.not_sent
    if ask_in is not None:
        asked = attestations.remind(context, language=ask_in)
        sent, refused = sent + asked.sent, refused + asked.not_sent
    return Punctual(made, sent, refused, unmade)


def _made(context: Context, each: Scheduled) -> str | None:
    period = each.period(context.today())
    view = view_for(each.role) if REPORTS[each.report].personal else View.OPAQUE
    with context.store.read() as connection:
        return told.made_report(connection, each.report, view.value, period.first, period.last)


def _make(context: Context, each: Scheduled) -> str | None:
    period = each.period(context.today())
    uid = library.ask_for(context, each.role, each.report, period.first, period.last, wait=_LONGEST)
    row = library.find_report(context, each.role, uid)
    return uid if row is not None and row.made_at is not None else None


def _tell(context: Context, each: Scheduled, uid: str) -> tuple[int, int]:
    hashes = {address: context.keys.sealer.hash(address.lower(), "report_told.address") for address in each.tell}
    with context.store.read() as connection:
        known = told.told(connection, uid)
    waiting = [address for address in each.tell if hashes[address] not in known]
    if not waiting:
        return 0, 0
    letter = write_letter(LetterKind.REPORT_READY, Words(each.language), f"{context.pages}/reports/{uid}")
    answers = mail.send(context.mail, [Post(address, letter, uid) for address in waiting], context.now())
    taken = [hashes[address] for address, problem in zip(waiting, answers, strict=True) if problem is None]
    with context.store.write() as connection:
        told.note_told(connection, uid, taken, context.now())
    return len(taken), len(waiting) - len(taken)
